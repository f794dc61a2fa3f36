"""One forward pass under the recorder, with everything outside left as it was."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.answers import Answers
from shapescope.capture.derivatives import takes_derivatives
from shapescope.capture.recorder import Recorder
from shapescope.capture.remembered import REMEMBERED
from shapescope.capture.sequences import short_sequences
from shapescope.capture.source import call_user
from shapescope.capture.standins import light_imports
from shapescope.capture.tensors import concrete_shape, placed_tensors, spec_of, tensors_in
from shapescope.capture.untouched.bystanders import bystanders_stay
from shapescope.capture.untouched.global_modes import global_modes_stay, nothing_compiles
from shapescope.capture.values import ValueStats, value_stats
from shapescope.collection import collection_waits
from shapescope.trace import (
    Failure,
    ModuleSpec,
    Shape,
    SourceSpan,
    Step,
    TensorSpec,
    Trace,
)
from shapescope.turns import one_at_a_time


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass gave: a trace, partial if it failed, and the error itself."""

    trace: Trace
    error: BaseException | None = None
    values: tuple[ValueStats | None, ...] = ()
    output: Any = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the trace."""
        return self.trace.steps

    @property
    def failure(self) -> Failure | None:
        """How the pass failed, if it did."""
        return self.trace.failure

    @property
    def reason(self) -> str:
        """The first words of the error, for a note."""
        text = str(self.error).strip().splitlines()
        return _first_words(text[0]) if text else type(self.error).__name__

    def refused_at(self, index: int, reason: str) -> Pass:
        """This pass cut off at step `index`, which a CPU would refuse for `reason`."""
        open_steps = {index}
        parent = self.steps[index].parent
        while parent is not None:
            open_steps.add(parent)
            parent = self.steps[parent].parent
        steps = tuple(
            replace(step, outputs=()) if step.index in open_steps else step
            for step in self.steps[: index + 1]
        )
        failure = Failure(index, "RuntimeError", reason, self.steps[index].call_site)
        return replace(self, trace=replace(self.trace, steps=steps, outputs=(), failure=failure))


_LONGEST_REASON = 100


def _first_words(text: str) -> str:
    """A text that is no longer than a note bears: cut between words, and said to be cut."""
    if len(text) <= _LONGEST_REASON:
        return text
    whole, _, _ = text[: _LONGEST_REASON - 3].rpartition(" ")
    return f"{whole or text[: _LONGEST_REASON - 4]} ..."


def run_pass(
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    mode: str,
    redirect: str | None,
    definitions: Mapping[str, SourceSpan],
    names: Sequence[str | None] = (),
    shape_of: Callable[[Tensor], Shape] = concrete_shape,
    inside: Callable[[], AbstractContextManager[Any]] = nullcontext,
    limit: Callable[[], AbstractContextManager[Any]] = nullcontext,
    values: bool = False,
    gradients: bool = False,
    loss: tuple[str, Tensor] | None = None,
) -> Pass:
    """Run `module` once and write down what happens.

    `module` is a copy of ours in the mode it shall have. `inside` is entered around the call, and
    `limit` around the forward alone.
    With `loss`, a function of torch.nn.functional by name and its target, that is computed from
    the first output as well.
    """
    stats: dict[int, ValueStats | None] = {}

    def observe(index: int, tensors: tuple[Tensor, ...]) -> None:
        stats[index] = value_stats(tensors[0]) if tensors else None

    recorder = Recorder(
        module,
        redirect=redirect,
        shape_of=shape_of,
        observe=observe if values else None,
        runner=Answers(REMEMBERED) if mode == "meta" else None,
    )
    named = _named_inputs(names, args, kwargs)
    inputs = tuple(spec_of(tensor, name, shape_of) for name, tensor in named)
    output, error = None, None
    parts = [part for _, part in recorder.modules]
    gradients = gradients or takes_derivatives(parts)
    around = cheap_on_meta() if mode == "meta" else inside()
    with nothing_changes_outside(gradients), bystanders_stay(parts, installed=False), around:
        try:
            with recorder:
                recorder.name_inputs(named)
                with limit():
                    output = call_user(module, *args, **kwargs)
                if loss is not None:
                    _loss_of(output, *loss)
        except Exception as caught:  # noqa: BLE001  # the user's forward may raise anything
            error = caught
        steps, failure = recorder.finish(error, definitions)
        returned = () if failure else tensors_in(output)
        outputs = tuple(spec_of(tensor, None, shape_of) for tensor in returned)
        trace = Trace(
            model=type(module).__name__,
            mode=mode,
            inputs=inputs,
            steps=steps,
            outputs=outputs,
            failure=failure,
            params=recorder.registered.all_params,
            buffers=_buffers(recorder),
            modules=_modules(recorder, definitions),
        )
    if error is not None:
        _let_go_of_frames(error)
    by_step = recorder.by_step(stats) if values else {}
    seen = tuple(by_step.get(step.index) for step in steps) if values else ()
    return Pass(trace, error, seen, output)


def _let_go_of_frames(error: BaseException) -> None:
    """Drop the tracebacks of an error and of those it came from.

    Their frames hold the model and all of its tensors, and the error itself: a circle that stays
    until garbage is collected, which a trace puts off.
    """
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__


@contextmanager
def cheap_on_meta() -> Iterator[None]:
    """What makes a pass on meta cheap."""
    with light_imports(), short_sequences():
        yield


def _loss_of(output: Any, name: str, target: Tensor) -> None:
    first = next(tensors_in(output), None)
    if first is not None:
        getattr(nn.functional, name)(first, target)


def _named_inputs(
    names: Sequence[str | None], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[tuple[str, Tensor]]:
    """Every input tensor under its argument's name, and its place there."""
    positional = (
        (names[position] if position < len(names) else None) or f"input{position}"
        for position in range(len(args))
    )
    return [
        placed
        for label, value in (*zip(positional, args, strict=True), *kwargs.items())
        for placed in placed_tensors(value, label)
    ]


def _buffers(recorder: Recorder) -> tuple[TensorSpec, ...]:
    """Every buffer as the pass left it, each once under its first name."""
    named: dict[int, TensorSpec] = {}
    for path, module in recorder.modules:
        prefix = f"{path}." if path else ""
        for name, buffer in module._buffers.items():
            if buffer is not None and id(buffer) not in named:
                named[id(buffer)] = spec_of(buffer, prefix + name)
    return tuple(named.values())


def _modules(recorder: Recorder, definitions: Mapping[str, SourceSpan]) -> tuple[ModuleSpec, ...]:
    return tuple(
        ModuleSpec(path, type(child).__name__, id(child) in recorder.called, definitions.get(path))
        for path, child in recorder.modules
    )


@contextmanager
def nothing_changes_outside(gradients: bool) -> Iterator[None]:
    """Random states, torch's switches, warnings and stdout as the user has them, afterwards too."""
    with (
        one_at_a_time(),
        _random_states_stay(),
        global_modes_stay(),
        nothing_compiles(),
        warnings.catch_warnings(),
        redirect_stdout(sys.stderr),
        torch.set_grad_enabled(gradients),
        collection_waits(),
    ):
        torch.backends.mha.set_fastpath_enabled(False)
        warnings.simplefilter("ignore")
        # The recorder stands between a module and the modules inside it: what runs alone runs here.
        deepest = sys.getrecursionlimit()
        sys.setrecursionlimit(2 * deepest)
        try:
            yield
        finally:
            sys.setrecursionlimit(deepest)


@contextmanager
def _random_states_stay() -> Iterator[None]:
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_random: Any = sys.modules.get("numpy.random")
    numpy_state = None if numpy_random is None else numpy_random.get_state(legacy=False)
    try:
        yield
    finally:
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
        if numpy_random is not None:
            numpy_random.set_state(numpy_state)
