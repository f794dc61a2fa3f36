"""From a model and its inputs to a Trace, in the cheapest way that works.

First on meta: shapes and dtypes alone, no memory and no arithmetic. What meta cannot do is tried
with fake tensors (which know a device and unbacked sizes) and then with real ones on the CPU. A
failure on meta is confirmed on real tensors where that costs little, and where meta accepts what a
CPU refuses, the CPU is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from shapescope.capture.constructions import find_constructors
from shapescope.capture.fake import entered, fake_model, fake_shape, fake_tensor
from shapescope.capture.inputs import InputSpec, input_names, make_inputs
from shapescope.capture.loader import LoadedModel
from shapescope.capture.passes import Pass, run_pass
from shapescope.capture.tensors import (
    concrete_shape,
    map_tensors,
    meta_copy,
    real_copy,
    to_meta,
)
from shapescope.capture.values import ValueStats
from shapescope.diagnostic import ShapescopeError
from shapescope.ops import lookup
from shapescope.trace import Shape, SourceSpan, Step, TensorSpec, Trace

AFFORDABLE_BYTES = 2 * 1024**3
AFFORDABLE_MACS = 20 * 10**9
_BYTES_PER_VALUE = 4

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Traced:
    """A trace, what had to be done to get it, and the statistics of values if asked for."""

    trace: Trace
    notes: tuple[str, ...] = ()
    values: tuple[ValueStats | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What the loss compares the first output with: an input spec and a function's name."""

    spec: InputSpec
    loss: str


class Subject:
    """A model that can be had on meta and on the CPU as often as needed, never the user's own."""

    def __init__(self, model: LoadedModel | nn.Module) -> None:
        self._model = model
        self._definitions: dict[str, SourceSpan] | None = None
        self.name = type(model).__name__ if isinstance(model, nn.Module) else model.name
        self.notes: tuple[str, ...] = ()

    def on(self, device: str) -> nn.Module:
        """A copy on `meta` or `cpu`.

        Raises:
            ShapescopeError: the constructor raises.
        """
        if isinstance(self._model, nn.Module):
            module = _unwrapped(self._model)
            return meta_copy(module) if device == "meta" else real_copy(module)
        built = self._model.build(device)
        self._definitions = dict(built.definitions)
        if built.note:
            self.notes = (built.note,)
        if device == "meta" and (built.device != "meta" or _has_real_tensors(built.module)):
            return meta_copy(built.module)
        return built.module

    def environment(self) -> AbstractContextManager[None]:
        """What the user's code finds around it while it runs."""
        return nullcontext() if isinstance(self._model, nn.Module) else self._model.environment()

    def definitions(self) -> dict[str, SourceSpan]:
        """Where each module's constructor was called, as far as that is known."""
        if self._definitions is None:
            if not isinstance(self._model, nn.Module):
                raise RuntimeError("definitions are known after the model was built")
            self._definitions = find_constructors(_unwrapped(self._model))
        return self._definitions


def trace_model(
    model: LoadedModel | nn.Module,
    inputs: Sequence[InputSpec] | Arguments,
    *,
    train: bool = False,
    mode: str = "auto",
    symbols: Sequence[str] = (),
    target: Target | None = None,
    values: bool = False,
) -> Traced:
    """Trace one forward pass.

    Args:
        model: what a user named, or a live module, which is never moved or changed.
        inputs: specs to make inputs from, or the inputs themselves as `(args, kwargs)`.
        train: trace in training mode.
        mode: `auto` goes from meta to fake to real by itself; `meta`, `fake`, `real` and
            `symbolic` insist.
        symbols: names of the axes that are free in a symbolic trace, all spatial ones if empty.
        target: also compute this loss from the first output.
        values: compute real values and keep each step's minimum, maximum and mean.

    Raises:
        ShapescopeError: the constructor raises, or an input cannot be made.
    """
    tracer = _Tracer(Subject(model), inputs, train, target)
    with tracer.subject.environment():
        return _traced(tracer, mode, symbols, values)


def _traced(tracer: _Tracer, mode: str, symbols: Sequence[str], values: bool) -> Traced:
    if mode == "symbolic":
        from shapescope.capture.symbolic import trace_symbolic

        return trace_symbolic(tracer, symbols)
    if values or mode == "real":
        return tracer.finish(tracer.real(values=values))
    if mode == "meta":
        return tracer.finish(tracer.meta())
    if mode == "fake":
        return tracer.finish(tracer.fake())
    return tracer.automatic()


class _Tracer:
    """One request: the ways to run it, and the choice between them."""

    def __init__(
        self,
        subject: Subject,
        inputs: Sequence[InputSpec] | Arguments,
        train: bool,
        target: Target | None,
    ) -> None:
        self.subject = subject
        self.inputs = inputs
        self.train = train
        self.target = target
        self.notes: list[str] = []

    # --- the choice

    def automatic(self) -> Traced:
        """On meta; where that fails or is too lax, as far up as needed."""
        first = self.meta()
        if first.failure is None:
            refused = _first_refusal(first.steps)
            if refused is None:
                return self.finish(first)
            return self.finish(self._after_refusal(first, *refused))
        if _refused_by_rule(first):
            return self.finish(first)
        if not _affordable(first):
            return self.finish(self._unconfirmed(first))
        real = self.real()
        if real.failure is not None:
            same = _failing_place(real) == _failing_place(first)
            return self.finish(first if same else real)
        fake = self.fake()
        if fake.failure is None and _same_shapes(fake, real):
            self.notes.append(f"meta could not ({first.reason}); fake tensors were used")
            return self.finish(fake)
        self.notes.append(f"meta could not ({first.reason}); real CPU tensors were used")
        return self.finish(real)

    def _unconfirmed(self, first: Pass) -> Pass:
        """A failure on meta of a model too large to run: fake tensors decide."""
        fake = self.fake()
        if fake.failure is None:
            self.notes.append(f"meta could not ({first.reason}); fake tensors were used")
            return fake
        if _failing_place(fake) == _failing_place(first):
            self.notes.append("too large to confirm the failure on real tensors")
            return first
        self.notes.append(
            f"meta and fake tensors could not ({first.reason}); real CPU tensors were used"
        )
        return self.real()

    def _after_refusal(self, first: Pass, step: Step, reason: str) -> Pass:
        """Meta accepted a step that our rules say a CPU refuses: ask the CPU."""
        if _affordable(first):
            real = self.real()
            if real.failure is not None:
                return real
            self.notes.append("real CPU tensors were used")
            return real
        self.notes.append("refused by rule; too large to confirm on real tensors")
        return first.refused_at(step.index, reason)

    # --- the ways to run

    def meta(self) -> Pass:
        """Shapes alone."""
        module = self.subject.on("meta")
        args, kwargs = self.arguments("meta", module)
        return self._run(module, args, kwargs, mode="meta", redirect="meta")

    def fake(self) -> Pass:
        """Shapes on a pretended CPU, with sizes that depend on data left open."""
        from torch._subclasses.fake_tensor import FakeTensorMode
        from torch.fx.experimental.symbolic_shapes import ShapeEnv

        fake_mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
        module = fake_model(self.subject.on("meta"), fake_mode)
        args, kwargs = self.arguments("meta", module)
        args, kwargs = map_tensors(lambda tensor: fake_tensor(tensor, fake_mode), (args, kwargs))
        return self._run(
            module,
            args,
            kwargs,
            mode="fake",
            redirect=None,
            inside=lambda: entered(fake_mode),
            shape_of=fake_shape,
        )

    def real(self, values: bool = False) -> Pass:
        """Real tensors on the CPU, with seeded values."""
        module = self.subject.on("cpu")
        args, kwargs = self.arguments("cpu", module)
        return self._run(
            module, args, kwargs, mode="real", redirect="cpu", values=values, gradients=self.train
        )

    def arguments(self, device: str, module: nn.Module) -> Arguments:
        """The inputs on `device`, copied where they are the user's own."""
        return arguments_on(device, self.inputs, module)

    def _run(
        self,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        mode: str,
        redirect: str | None,
        inside: Callable[[], AbstractContextManager[Any]] = nullcontext,
        shape_of: Callable[[Tensor], Shape] = concrete_shape,
        values: bool = False,
        gradients: bool = False,
    ) -> Pass:
        module.train(self.train)
        loss = None
        if self.target is not None:
            device = "meta" if mode == "meta" else "cpu"
            (target,), _ = make_inputs((self.target.spec,), module, device=device, seed=1)
            loss = (self.target.loss, target)
        return run_pass(
            module,
            args,
            kwargs,
            mode=mode,
            redirect=redirect,
            definitions=self.subject.definitions(),
            names=input_names(module, len(args)),
            inside=inside,
            shape_of=shape_of,
            values=values,
            gradients=gradients,
            loss=loss,
        )

    def finish(self, done: Pass) -> Traced:
        """The pass as a Trace under the model's name."""
        return Traced(
            replace(done.trace, model=self.subject.name),
            (*self.subject.notes, *self.notes),
            done.values,
        )


def arguments_on(
    device: str, inputs: Sequence[InputSpec] | Arguments, module: nn.Module
) -> Arguments:
    """Inputs on `meta` or `cpu`: made of specs, or copied where they are the user's own."""
    if isinstance(inputs, tuple) and len(inputs) == 2 and _are_arguments(inputs):
        place = to_meta if device == "meta" else _cpu_copy
        args, kwargs = map_tensors(place, inputs)
        return tuple(args), dict(kwargs)
    return make_inputs(inputs, module, device=device)  # type: ignore[arg-type]


def _first_refusal(steps: Sequence[Step]) -> tuple[Step, str] | None:
    for step in steps:
        reason = lookup(step.op).refusal(step)
        if reason is not None:
            return step, reason
    return None


def _refused_by_rule(done: Pass) -> bool:
    """Whether our own rules say of the step that failed that a CPU refuses it too."""
    index = None if done.failure is None else done.failure.step
    if index is None:
        return False
    step = done.steps[index]
    return lookup(step.op).refusal(step) is not None


def _affordable(done: Pass) -> bool:
    """Whether a real run stays small, judged by the steps seen so far."""
    values = sum(param.numel for param in done.trace.params)
    macs = 0
    for step in done.steps:
        values += sum(_numel(spec) for spec in (*step.inputs, *step.outputs))
        macs += lookup(step.op).macs(step) or 0
    return values * _BYTES_PER_VALUE <= AFFORDABLE_BYTES and macs <= AFFORDABLE_MACS


def _numel(spec: TensorSpec) -> int:
    return spec.numel if all(isinstance(size, int) for size in spec.shape) else 0


def _failing_place(done: Pass) -> tuple[str, str] | None:
    if done.failure is None or done.failure.step is None:
        return None
    step = done.steps[done.failure.step]
    return step.path, step.op


def _same_shapes(a: Pass, b: Pass) -> bool:
    # A size that depends on values has no number on fake tensors; the real pass knows it.
    made = [spec.shape for step in a.steps for spec in (*step.inputs, *step.outputs)]
    if any(type(size) is not int for shape in made for size in shape):
        return False
    return [spec.shape for spec in a.trace.outputs] == [spec.shape for spec in b.trace.outputs]


def _are_arguments(inputs: tuple[Any, ...]) -> bool:
    return isinstance(inputs[0], tuple | list) and isinstance(inputs[1], dict)


def _cpu_copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


def _has_real_tensors(module: nn.Module) -> bool:
    tensors = (*module.parameters(), *module.buffers())
    return any(tensor.device.type != "meta" for tensor in tensors)


def _unwrapped(module: nn.Module) -> nn.Module:
    """The model inside a wrapper that only runs it elsewhere or compiled."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return _unwrapped(module.module)
    children = module.__dict__.get("_modules")
    # A scripted module keeps its children in a table of another kind.
    inner = children.get("_orig_mod") if isinstance(children, dict) else None
    return _unwrapped(inner) if isinstance(inner, nn.Module) else module


__all__ = ["ShapescopeError", "Subject", "Target", "Traced", "trace_model"]
