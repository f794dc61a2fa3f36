"""One pass with formulas: the way the model goes at some sizes, and what is true of all like it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.arithmetic.expressions import BATCH, Expr, equal, extreme, name, number
from shapescope.capture.derivatives import takes_derivatives
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.passes import cheap_on_meta, nothing_changes_outside
from shapescope.capture.recorder import Recorder
from shapescope.capture.records import Record
from shapescope.capture.sizes.call import Call, Shapes
from shapescope.capture.sizes.judge import Judge, NotSymbolic, Refused
from shapescope.capture.sizes.leaf_calls import LeafCalls
from shapescope.capture.sizes.numbers import AxisSize, formulas_live_on, now, sized
from shapescope.capture.sizes.reader import SizeReader
from shapescope.capture.sizes.rules import RULES, by_row
from shapescope.capture.sizes.tags import exprs_of, shown, sizes_of, tag_sizes
from shapescope.capture.sizes.values import judge_values, pass_values_on
from shapescope.capture.source import code_span, user_frame
from shapescope.capture.tensors import spec_of, tensors_in
from shapescope.capture.untouched.bystanders import bystanders_stay
from shapescope.ops import lookup
from shapescope.trace import SourceSpan, Step, TensorSpec
from shapescope.valid_sizes import Passage, without_losses

__all__ = ["run_passage"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_LONGEST = 120
"""Letters that are kept of what torch says."""


def run_passage(
    module: nn.Module,
    arguments: Arguments,
    names: Sequence[Sequence[str | None]],
    sizes: Mapping[str, int],
    definitions: Mapping[str, SourceSpan],
    *,
    batch: int | None = 2,
    device: str = "meta",
) -> Passage:
    """Run a copy of a model once, its free axes as formulas.

    Args:
        module: our own copy of the model, in eval mode; used up by the run.
        arguments: the inputs at these sizes.
        names: for each input tensor, the name of each of its axes, None where it is no free one.
        sizes: the present size of each free axis, and of the batch where it is one of them.
        definitions: where the modules were constructed.
        batch: the batch the arguments have and the outputs have to keep, None for any outputs.
        device: `meta`, or `cpu` where values are needed.
    """
    return _Runner(module, sizes, batch, device).run(arguments, names, definitions)


class _Runner:
    def __init__(
        self, module: nn.Module, sizes: Mapping[str, int], batch: int | None, device: str
    ) -> None:
        self.module = module
        self.sizes = sizes
        self.batch = batch
        self.device = device
        self.judge = Judge(sizes, self._where)
        self.reader = SizeReader(self.judge)
        self.recorder = Recorder(module, redirect=device, shape_of=sizes_of, observe=self._observe)
        self.strides: list[tuple[Expr, Expr]] = []
        self._judging: int | None = None
        self._returned = False
        self._leaf_calls = LeafCalls(self.recorder.modules)

    # --- the run

    def run(
        self,
        arguments: Arguments,
        names: Sequence[Sequence[str | None]],
        definitions: Mapping[str, SourceSpan],
    ) -> Passage:
        args, kwargs = arguments
        tensors = list(tensors_in((args, kwargs)))
        for tensor, axes in zip(tensors, names, strict=True):
            tag_sizes(
                tensor,
                [
                    size if axis is None else sized(name(axis), size, self.judge)
                    for size, axis in zip(tensor.shape, axes, strict=True)
                ],
            )
        output: Any = None
        error: BaseException | None = None
        cheap = cheap_on_meta() if self.device == "meta" else nullcontext()
        parts = [part for _, part in self.recorder.modules]
        with (
            nothing_changes_outside(takes_derivatives(parts)),
            bystanders_stay(parts, installed=False),
            cheap,
            self._leaf_calls.kept(),
        ):
            try:
                with formulas_live_on(self.module), self.reader, self.recorder:
                    self.recorder.name_inputs(
                        [(f"input{position}", tensor) for position, tensor in enumerate(tensors)]
                    )
                    output = self.module(*args, **kwargs)
            except (Refused, Exception) as caught:  # noqa: BLE001  # forward may raise anything
                error = caught
        outputs: tuple[tuple[Expr, ...], ...] = ()
        if error is None:
            self._returned = True
            try:
                outputs = self._outputs(output)
            except Refused as refusal:
                error = refusal
        reason = "" if error is None else self._explained(error)
        raised = error if isinstance(error, Exception) else None
        steps, _ = self.recorder.finish(raised, definitions)
        return Passage(
            sizes=dict(self.sizes),
            decisions=tuple(self.judge.decisions),
            fits=error is None,
            outputs=outputs,
            steps=tuple(_written(step) for step in steps),
            reason=reason,
            doubts=tuple(self.judge.doubts),
            strides=tuple(self.strides),
            pinned=self.judge.pinned,
        )

    def _outputs(self, output: Any) -> tuple[tuple[Expr, ...], ...]:
        """The outputs, each of which has to keep the batch if there is one."""
        tensors = list(tensors_in(output))
        if not tensors:
            raise Refused("it returns no tensor")
        found = tuple(exprs_of(tensor) for tensor in tensors)
        if self.batch is None:
            return found
        wanted = name(BATCH) if BATCH in self.sizes else number(self.batch)
        for shape in without_losses(found):
            if not shape:
                raise Refused("an output has no axes, so it does not keep the batch")
            self.judge.require(
                equal(shape[0], wanted),
                lambda shape=shape: (  # type: ignore[misc]
                    f"an output starts with {shape[0].evaluate(self.sizes)}, not with the batch"
                ),
            )
        return found

    # --- each step

    def _observe(self, index: int, outputs: tuple[Tensor, ...]) -> None:
        with torch._C.DisableTorchFunction():
            self._judge_step(index, outputs)

    def _judge_step(self, index: int, outputs: tuple[Tensor, ...]) -> None:
        record = self.recorder.log.records[index]
        call = self._call(index, record, outputs)
        if record.kind == "module":
            # the recorder read them beside a tensor whose sizes it takes for numbers
            record.attrs = call.step.attrs
        self._judging = index
        shapes = self._judged(call)
        for position, tensor in enumerate(outputs):
            shape = shapes[position] if shapes is not None and position < len(shapes) else None
            if shape is None or tuple(now(size) for size in shape) != tuple(tensor.shape):
                shape = self._guessed(call, tensor)
            tag_sizes(tensor, shape)
        judge_values(call)
        self._judging = None
        pass_values_on(call)
        self._note_strides(call)
        record.outputs = [spec_of(tensor, None, sizes_of) for tensor in outputs]

    def _judged(self, call: Call) -> Shapes | None:
        try:
            return RULES.get(call.step.op, by_row)(call)
        except NotSymbolic:
            return None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # a rule that stumbles over a formula is no fault of the model
            self.judge.doubt(f"the rule for `{call.step.op}` fails: {error}")
            return None

    def _call(self, index: int, record: Record, outputs: tuple[Tensor, ...]) -> Call:
        row = lookup(record.op)
        leaf = self._leaf_calls.latest(record.path) if record.kind == "module" else None
        module: nn.Module | None = None
        if leaf is not None:
            module, args, kwargs = leaf
            attrs = row.read_module(module, shown(args), shown(kwargs))
        else:
            args, kwargs = self.reader.last
            attrs = row.read_call(row.bind(shown(args), shown(kwargs)))
        step = Step(
            index=index,
            path=record.path,
            op=record.op,
            kind=record.kind,
            parent=None,
            sources=(),
            inputs=tuple(record.inputs),
            outputs=(),
            attrs=attrs,
        )
        return Call(self.judge, step, args, kwargs, outputs, module)

    def _guessed(self, call: Call, tensor: Tensor) -> tuple[Any, ...]:
        """The sizes of an output no rule speaks of: those of the inputs where they are equal."""
        known: dict[int, Any] = {}
        for shape in call.shapes:
            for size in shape:
                if type(size) is AxisSize:
                    known.setdefault(size.now, size)
        if known:
            self.judge.doubt(f"there is no rule for the shape of `{call.step.op}`")
        return tuple(known.get(size, size) for size in tensor.shape)

    def _note_strides(self, call: Call) -> None:
        """What a step with a stride drops of each axis, and what its stride leaves over."""
        windows = lookup(call.step.op).window(call.step) if call.shapes else None
        if windows is None or lookup(call.step.op).name.startswith("conv_transpose"):
            return
        for window, size in zip(reversed(windows), reversed(call.shapes[0]), strict=False):
            plain = all(type(value) is int for value in window)
            if not plain or window.stride < 2 or type(size) is not AxisSize:
                continue
            reach = (window.kernel_size - 1) * window.dilation + 1
            over = (size.expr + 2 * window.padding - reach) % window.stride
            # the padding behind the map is dropped first
            dropped = extreme((over - window.padding, number(0)), largest=True)
            self.strides.append((dropped, size.expr % window.stride))

    # --- where things stand

    def _where(self) -> tuple[int | None, SourceSpan | None]:
        if self._returned:
            # what the caller asks of the outputs is no line of the model's
            return None, None
        if self._judging is None:
            site = user_frame(sys._getframe(1))
        else:
            # a step that torch refused is judged when the user's frames are gone
            site = self.recorder.log.records[self._judging].site
        span = None if site is None else code_span(*site)
        return self._judging, span

    def _explained(self, error: BaseException) -> str:
        """Why the pass ended; a doubt where no rule says so."""
        if isinstance(error, Refused):
            return error.reason
        reason = one_line(error, _LONGEST)
        index = self.recorder.log.failing(error)
        if index is None:
            return reason
        record = self.recorder.log.records[index]
        if record.op == "module":
            return reason
        # torch raised: does a rule say for which sizes it does?
        self._judging = index
        try:
            self._judged(self._call(index, record, ()))
        except Refused as refusal:
            return refusal.reason
        finally:
            self._judging = None
        self.judge.doubt(f"`{record.op}` fails for a reason no rule knows: {reason}")
        return reason


def _written(step: Step) -> Step:
    """The step with its formulas as text."""
    return replace(
        step,
        inputs=tuple(_written_spec(spec) for spec in step.inputs),
        outputs=tuple(_written_spec(spec) for spec in step.outputs),
    )


def _written_spec(spec: TensorSpec) -> TensorSpec:
    sizes: tuple[Any, ...] = spec.shape
    shape = tuple(size.expr.text if type(size) is AxisSize else size for size in sizes)
    return replace(spec, shape=shape)
