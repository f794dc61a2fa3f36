"""A trace with axes left open: sizes as formulas of N, H and W.

They are those of our own pass with formulas, else those of PyTorch's symbolic engine; either is
told only where plain traces at other sizes confirm it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from shapescope.arithmetic.expressions import BATCH, Condition, parse_condition
from shapescope.capture.deadline import EndsAfter, OutOfTimeError
from shapescope.capture.fake import entered, fake_model
from shapescope.capture.inputs import input_names, rebatch
from shapescope.capture.open_axes.axis_settings import in_axis_names
from shapescope.capture.open_axes.confirming import refuted, without_settings
from shapescope.capture.open_axes.followed import Followed, followed
from shapescope.capture.open_axes.holding import (
    as_note,
    asked_by_engine,
    guards,
    holds_where,
    is_equality,
    windows_fit,
)
from shapescope.capture.open_axes.open_formulas import size_text
from shapescope.capture.open_axes.settled_sizes import with_settled_sizes
from shapescope.capture.passes import Pass, run_pass
from shapescope.capture.sizes.axes import axis_names
from shapescope.capture.sizes.sizer import Sizer
from shapescope.capture.subject import are_arguments, shaped
from shapescope.capture.tensors import map_tensors
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import Shape, Trace

if TYPE_CHECKING:
    from shapescope.capture.traced import Traced
    from shapescope.capture.tracer import _Tracer

_BATCH = 2
"""A batch of 1 would be taken for a constant."""

_MOST_SECONDS = 60.0
_LEAST_TO_CONFIRM = 5.0
_MOST_OPERATIONS = 40
"""Formulas can grow from step to step until nobody could read them, or wait for them."""


def _advice(chosen: Collection[str]) -> tuple[str, ...]:
    """What to type instead, with one of the axes that were to be open."""
    if len(chosen) < 2:
        return ("trace without --symbolic",)
    kept = BATCH if BATCH in chosen else min(chosen)
    return (f"leave fewer open, as in --symbolic {kept}, or trace without --symbolic",)


def trace_symbolic(tracer: _Tracer, symbols: Sequence[str]) -> Traced:
    """Trace with the named axes open, all that can be if none is named.

    Raises:
        ShapescopeError: an axis of such a name does not exist, or PyTorch cannot leave it open.
    """
    tracer.refuse_packed()
    end = process_time() + _MOST_SECONDS
    try:
        with EndsAfter(_MOST_SECONDS):
            sizer = Sizer(tracer.subject._model, tracer.inputs, train=tracer.train)
    except OutOfTimeError as error:
        raise ShapescopeError(
            f"these sizes cannot be left open: {error}", advice=_advice(symbols)
        ) from None
    names = axis_names(sizer.wanted, sizer.axes, "N" if sizer.has_batch else None)
    known = [axis for row in names for axis in row if axis is not None]
    for symbol in symbols:
        if symbol not in known:
            raise ShapescopeError(
                f"there is no axis `{symbol}`",
                advice=(f"the axes are {', '.join(dict.fromkeys(known))}",),
            )
    chosen = set(symbols) or set(known)
    own = _own(sizer, chosen, end)
    if own is None:
        return _by_engine(tracer, sizer, names, chosen, end)
    return _told(tracer, Pass(own.trace), own.conditions, chosen, needs_two=own.needs_two)


def _own(sizer: Sizer, chosen: set[str], end: float) -> Followed | None:
    """What our own pass makes of the model, where it comes to an end in time."""
    try:
        with EndsAfter(end - process_time()):
            return followed(sizer, chosen)
    except OutOfTimeError:
        return None


def _by_engine(
    tracer: _Tracer,
    sizer: Sizer,
    names: Sequence[Sequence[str | None]],
    chosen: set[str],
    end: float,
) -> Traced:
    """The trace with the sizes of PyTorch's own symbolic engine.

    Raises:
        ShapescopeError: PyTorch cannot leave these axes open.
    """
    # A batch of 1 would be taken for a constant.
    given: Any = tracer.inputs
    in_step = any(len(one.batch_axes) > 1 for one in sizer.wanted)
    if sizer.has_batch and not are_arguments(given) and not in_step:
        tracer.inputs = rebatch(given, _BATCH)
    done, conditions = _pass(tracer, names, chosen, end)
    fixed = sum(map(is_equality, conditions))
    if (fixed or done.failure is not None) and not isinstance(done.error, OutOfTimeError):
        # Some of torch's kernels in Python leave sizes open where its own do not, as for pad and
        # interpolate; elsewhere they make formulas grow.
        other, asked = _pass(tracer, names, chosen, end, kernels=True)
        if done.failure is not None or (
            other.failure is None and sum(map(is_equality, asked)) < fixed
        ):
            done, conditions = other, asked
    if done.failure is not None:
        tracer.inputs = given
        plain = tracer.automatic()
        if plain.trace.failure is not None:
            return plain  # numbers say more of what is wrong than formulas
        raise ShapescopeError(
            f"PyTorch cannot leave these sizes open: {_place(done)}{_reason(done)}",
            advice=_advice(chosen),
        )
    try:
        with EndsAfter(max(end - process_time(), _LEAST_TO_CONFIRM)):
            known, unsettled = _confirmed(sizer, done.trace, conditions, chosen)
    except (OutOfTimeError, _Refuted) as error:
        raise ShapescopeError(
            f"these sizes cannot be left open: {error}", advice=_advice(chosen)
        ) from None
    done = replace(done, trace=without_settings(done.trace, unsettled))
    return _told(tracer, done, known, chosen)


class _Refuted(Exception):  # noqa: N818
    """A plain trace has other shapes than the formulas say."""


def _confirmed(
    sizer: Sizer, trace: Trace, conditions: Sequence[Condition], chosen: Set[str]
) -> tuple[Sequence[Condition], Set[int]]:
    """Those of the engine's conditions under which its formulas are right.

    What it asked for its strides and its batch alone is left out where nothing needs it. With them
    come the steps, by number, whose settings it took for constant though they are not.

    Raises:
        _Refuted: they are wrong under all of them.
    """
    asked = sizer.open_sizes(chosen)
    windows = windows_fit(trace)
    wrong: Mapping[str, int] = {}
    for known in (guards(conditions), conditions):
        unsettled: set[int] = set()
        found = refuted(sizer, trace, [*known, *windows], asked, unsettled)
        if found is None:
            return [*known, *windows], unsettled
        wrong = found
    where = ", ".join(f"{axis} = {size}" for axis, size in wrong.items())
    raise _Refuted(f"at {where} the shapes are others than the formulas say")


def _told(
    tracer: _Tracer,
    done: Pass,
    conditions: Iterable[Condition],
    chosen: set[str],
    *,
    needs_two: bool = False,
) -> Traced:
    """The pass with the conditions under which it holds."""
    if done.failure is None:
        known = list(conditions)
        limits = holds_where(known, sorted(chosen))
        if needs_two and not any(limit.startswith(f"{BATCH} ") for limit in limits):
            limits = (f"{BATCH} >= {_BATCH}", *limits)
        tracer.notes.extend(as_note(limits))
        told = [parse_condition(limit) for limit in limits]
        trace = with_settled_sizes(done.trace, [*known, *told])
        done = replace(done, trace=replace(trace, holds_where=limits))
    return tracer.finish(done)


def _reason(done: Pass) -> str:
    """What it says, but for what only its authors can read."""
    return "a value decides how it goes on" if _ON_A_VALUE in done.reason else done.reason


_ON_A_VALUE = "data-dependent"


def _place(done: Pass) -> str:
    """The step that could not go on, with a colon."""
    at = None if done.failure is None else done.failure.step
    if at is None:
        return ""
    step = done.steps[at]
    return f"`{step.path}` {step.op}: " if step.path else f"{step.op}: "


def _pass(
    tracer: _Tracer,
    names: Sequence[Sequence[str | None]],
    chosen: set[str],
    end: float,
    *,
    kernels: bool = False,
) -> tuple[Pass, list[Condition]]:
    """One pass with the chosen axes open until `end`, and what it asked of them."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    env = ShapeEnv(duck_shape=False, specialize_zero_one=True)
    fake_mode = FakeTensorMode(shape_env=env, allow_non_fake_inputs=True)
    module = shaped(tracer.subject.on("meta").train(tracer.train), tracer.inputs, "meta")
    module = fake_model(module, fake_mode)
    args, kwargs = tracer.arguments("cpu", module)
    symbol_names: dict[str, str] = {}
    rows = iter(names)

    def place(tensor: Tensor) -> Tensor:
        return _symbolic(tensor, next(rows), chosen, fake_mode, symbol_names)

    args, kwargs = map_tensors(place, (args, kwargs))

    def shape_of(tensor: Tensor) -> Shape:
        for size in tensor.shape:
            node: Any = getattr(size, "node", None)
            if node is not None and node.expr.count_ops() > _MOST_OPERATIONS:
                raise OverflowError("the formulas grow with every step")
        return _shape(tensor, symbol_names)

    done = run_pass(
        module,
        tuple(args),
        kwargs,
        mode="symbolic",
        redirect=None,
        definitions=tracer.subject.definitions(),
        names=input_names(module, len(args)),
        shape_of=shape_of,
        inside=lambda: _inside(fake_mode) if kernels else entered(fake_mode),
        limit=lambda: EndsAfter(end - process_time()),
    )
    named = replace(done, trace=in_axis_names(done.trace, symbol_names))
    return named, asked_by_engine(env, symbol_names)


@contextmanager
def _inside(fake_mode: Any) -> Iterator[None]:
    """The fake mode, with the kernels in Python that torch has for open sizes."""
    from torch._dispatch.python import enable_python_dispatcher

    with entered(fake_mode), enable_python_dispatcher():
        yield


def _symbolic(
    tensor: Tensor,
    row: Sequence[str | None],
    chosen: set[str],
    fake_mode: Any,
    symbol_names: dict[str, str],
) -> Tensor:
    """A fake tensor with the chosen axes open; the same name twice is the same symbol's name."""
    from torch._dynamo.source import ConstantSource
    from torch.fx.experimental.symbolic_shapes import DimDynamic, StatelessSymbolicContext

    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()  # PyTorch leaves no size of a sparse tensor open
    kinds = [DimDynamic.DYNAMIC if axis in chosen else DimDynamic.STATIC for axis in row]
    made: Tensor = fake_mode.from_tensor(
        tensor,
        symbolic_context=StatelessSymbolicContext(dynamic_sizes=kinds),
        source=ConstantSource(f"input{len(symbol_names)}"),
    )
    for size, axis in zip(made.shape, row, strict=True):
        node = getattr(size, "node", None)
        if axis in chosen and axis is not None and node is not None:
            symbol_names[str(node.expr)] = axis
    return made


def _shape(tensor: Tensor, symbol_names: dict[str, str]) -> Shape:
    return tuple(
        size if isinstance(size, int) else size_text(size.node.expr, symbol_names)
        for size in tensor.shape
    )
