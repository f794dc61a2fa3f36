"""From a model and its inputs to a Trace, in the cheapest way that works.

First on meta: shapes and dtypes alone, no memory and no arithmetic. What meta cannot do is tried
with fake tensors (which know a device and unbacked sizes) and then with real ones on the CPU. A
failure on meta is confirmed on real tensors where that costs little, and where meta accepts what a
CPU refuses, the CPU is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from shapescope.capture.confirmation import (
    failing_place,
    first_refusal,
    have_same_shapes,
    is_affordable,
    is_refused_by_rule,
)
from shapescope.capture.fake import entered, fake_model, fake_shape, fake_tensor
from shapescope.capture.inputs import InputSpec, input_names, make_target
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.module_tree import modules_of
from shapescope.capture.packed import has_packed_weights
from shapescope.capture.passes import Pass, run_pass
from shapescope.capture.subject import Arguments, Subject, are_arguments, arguments_on
from shapescope.capture.tensors import concrete_shape, map_tensors, tensors_of
from shapescope.capture.traced import Target, Traced
from shapescope.diagnostic import ShapescopeError
from shapescope.ops.vmapped import is_vmapped
from shapescope.trace import Shape, Step
from shapescope.turns import one_at_a_time

_MAPPED = (
    "inside torch.vmap all samples are shown, on axes in front; settings and formulas are those of "
    "one sample"
)


@one_at_a_time()
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
        from shapescope.capture.open_axes.symbolic import trace_symbolic

        return trace_symbolic(tracer, symbols)
    if values or mode == "real":
        return tracer.finish(tracer.real(values=values))
    if mode == "meta":
        tracer.refuse_nested()
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
        if self.has_nested_inputs:
            self.notes.append("an input is nested, which meta cannot; real CPU tensors were used")
            return self.finish(self.real())
        first = self.meta()
        refused = first_refusal(first.steps)
        if refused is not None and refused[0].outputs:
            return self.finish(self._after_refusal(first, *refused))
        if first.failure is None or is_refused_by_rule(first):
            return self.finish(first)
        if not is_affordable(first):
            return self.finish(self._unconfirmed(first))
        real = self.real()
        if real.failure is not None:
            same = failing_place(real) == failing_place(first)
            return self.finish(first if same else real)
        fake = None if self.needs_real_tensors else self.fake()
        if fake is not None and fake.failure is None and have_same_shapes(fake, real):
            self.notes.append(f"meta could not ({first.reason}); fake tensors were used")
            return self.finish(fake)
        self.notes.append(f"meta could not ({first.reason}); real CPU tensors were used")
        return self.finish(real)

    def _unconfirmed(self, first: Pass) -> Pass:
        """A failure on meta of a model too large to run: fake tensors decide where they can."""
        if self.needs_real_tensors:
            self.notes.append(f"meta could not ({first.reason}); real CPU tensors were used")
            return self.real()
        fake = self.fake()
        if fake.failure is None:
            self.notes.append(f"meta could not ({first.reason}); fake tensors were used")
            return fake
        if failing_place(fake) == failing_place(first):
            self.notes.append("too large to confirm the failure on real tensors")
            return first
        self.notes.append(
            f"meta and fake tensors could not ({first.reason}); real CPU tensors were used"
        )
        return self.real()

    def _after_refusal(self, first: Pass, step: Step, reason: str) -> Pass:
        """Meta accepted a step that our rules say a CPU refuses: ask the CPU."""
        if is_affordable(first):
            real = self.real()
            if real.failure is None:
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

    @property
    def needs_real_tensors(self) -> bool:
        """Whether the model or its input looks into memory that fake tensors do not have."""
        return self.has_nested_inputs or has_packed_weights(self.subject.on("meta"))

    @property
    def has_nested_inputs(self) -> bool:
        """Whether an input has parts of several sizes, which are values of it."""
        given = tensors_of(self.inputs) if are_arguments(self.inputs) else ()
        return any(tensor.is_nested for tensor in given)

    def fake(self) -> Pass:
        """Shapes on a pretended CPU, with sizes that depend on data left open.

        Raises:
            ShapescopeError: the model cannot run on such tensors.
        """
        from torch._subclasses.fake_tensor import FakeTensorMode
        from torch.fx.experimental.symbolic_shapes import ShapeEnv

        self.refuse_packed()
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

    def refuse_packed(self) -> None:
        """Refuse to run packed weights and nested inputs on tensors without memory.

        Raises:
            ShapescopeError: the model has packed weights, or an input is nested.
        """
        self.refuse_nested()
        if self.needs_real_tensors:
            raise ShapescopeError(
                "the quantized layers of this model cannot run on fake tensors",
                advice=("trace it on meta or real tensors, or before it is quantized",),
            )

    def refuse_nested(self) -> None:
        """Refuse to run nested inputs on tensors without values.

        Raises:
            ShapescopeError: an input is nested.
        """
        if self.has_nested_inputs:
            raise ShapescopeError(
                "a nested tensor holds the sizes of its parts as values, so it takes real tensors",
                advice=("leave the mode to shapescope, or give one padded tensor",),
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
        if not _is_in_mode(module, self.train):
            module.train(self.train)
        loss = None
        if self.target is not None:
            device = "meta" if mode == "meta" else "cpu"
            loss = (self.target.loss, make_target(self.target.spec, device=device))
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
        mapped = (_MAPPED,) if any(map(is_vmapped, done.steps)) else ()
        return Traced(
            replace(done.trace, model=self.subject.name),
            (*self.subject.notes, *self.notes, *mapped),
            done.values,
        )


def _is_in_mode(module: nn.Module, train: bool) -> bool:
    """Whether `train` has nothing to do: no class has one of its own, and all flags are right."""
    own = nn.Module.train
    return all(
        part.__dict__.get("training") is train and type(part).train is own
        for part in modules_of(module)
    )
