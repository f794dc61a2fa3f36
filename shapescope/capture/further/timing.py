"""How long each step takes, from a few real runs on the CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.derivatives import takes_derivatives
from shapescope.capture.inputs import InputSpec
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.passes import nothing_changes_outside
from shapescope.capture.recorder import Recorder
from shapescope.capture.subject import Arguments, Subject, arguments_on
from shapescope.capture.tensors import map_tensors
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import Step, Trace
from shapescope.turns import one_at_a_time

_RUNS = 5
_ENOUGH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Times:
    """Measured seconds on the CPU, medians over `runs` forward passes after one that warmed up.

    Attributes:
        steps: per step, its own kernel and nothing around it; None for a module that was opened
            and for what no run measured.
        forward: of the whole pass, with nothing listening.
        runs: how many passes counted.
        threads: how many threads torch had.
    """

    steps: tuple[float | None, ...]
    forward: float
    runs: int
    threads: int


class Clock:
    """Runs each step and notes how long torch took; what the recorder does stays outside."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        self._latest = 0.0

    def of_layer(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a leaf module gives."""
        return self._timed(module._call_impl, args, kwargs)

    def of_call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        repeats: bool,
    ) -> Any:
        """What a function gives."""
        return self._timed(function, args, kwargs)

    def _timed(self, run: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        started = time.perf_counter()
        result = run(*args, **kwargs)
        self._latest = time.perf_counter() - started
        return result

    def note(self, index: int, outputs: tuple[Tensor, ...]) -> None:
        """What ran last has become step `index`."""
        self.seconds[index] = self._latest


@one_at_a_time()
def time_steps(
    model: LoadedModel | nn.Module,
    inputs: Sequence[InputSpec] | Arguments,
    trace: Trace,
    *,
    train: bool = False,
) -> Times:
    """Run a model a few times on real CPU tensors and time its steps.

    Args:
        model: as it was named, or live; it is copied.
        inputs: of the trace.
        trace: whose steps are timed; every run has to take the same.
        train: run it in training mode.

    Raises:
        ShapescopeError: it raises on real tensors, or takes other steps than the trace.
    """
    subject = Subject(model)
    with subject.environment(), nothing_changes_outside(gradients=train):
        module = subject.on("cpu").train(train)
        torch.set_grad_enabled(train or takes_derivatives(module.modules()))
        args, kwargs = arguments_on("cpu", inputs, module)
        wanted = [(step.path, step.op) for step in trace.steps]
        runs: list[dict[int, float]] = []
        wholes: list[float] = []
        begun = time.perf_counter()
        # The first run warms up.
        while len(runs) <= _RUNS and (
            len(runs) < 2 or time.perf_counter() - begun < _ENOUGH_SECONDS
        ):
            steps, seconds = _listened(module, args, kwargs)
            if [(step.path, step.op) for step in steps] != wanted:
                raise ShapescopeError(
                    f"a run of {trace.model} on real tensors takes other steps than its trace, so "
                    "they cannot be timed",
                    advice=("trace it on real tensors as well: --real --time",),
                )
            runs.append(seconds)
            wholes.append(_alone(module, args, kwargs))
    counted = runs[1:]
    medians = tuple(
        None if step.is_composite else _median_of(step.index, counted) for step in trace.steps
    )
    forward = statistics.median(wholes[1:])
    return Times(medians, forward, len(counted), torch.get_num_threads())


def _median_of(index: int, runs: Sequence[Mapping[int, float]]) -> float | None:
    measured = [seconds[index] for seconds in runs if index in seconds]
    return statistics.median(measured) if measured else None


def _listened(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Step, ...], dict[int, float]]:
    """The steps of one run, and the seconds of each."""
    clock = Clock()
    args, kwargs = map_tensors(Tensor.clone, (args, kwargs))
    recorder = Recorder(module, redirect="cpu", runner=clock, observe=clock.note)
    error: Exception | None = None
    try:
        with recorder:
            module(*args, **kwargs)
    except Exception as caught:  # noqa: BLE001 - the user's forward may raise anything
        error = caught
    steps, failure = recorder.finish(error, {})
    if failure is not None:
        raise ShapescopeError(
            f"it cannot be timed: on real tensors its forward raises {failure.exception}"
        ) from error
    return steps, recorder.by_step(clock.seconds)


def _alone(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
    """Seconds of one run with nothing listening."""
    args, kwargs = map_tensors(Tensor.clone, (args, kwargs))
    started = time.perf_counter()
    module(*args, **kwargs)
    return time.perf_counter() - started
