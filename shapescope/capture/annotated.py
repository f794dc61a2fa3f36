"""Runs a model while the lines of its file are watched: what shape comments are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapescope.analysis.comments.observed import Observed
from shapescope.capture.inputs import InputSpec, rebatch
from shapescope.capture.lines import LineRecorder
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError

OTHER_BATCH = 5


@dataclass(frozen=True)
class Watched:
    """What a run of a model showed of its file; `other` is the same with another batch size."""

    observed: Observed
    other: Observed | None
    notes: tuple[str, ...] = ()


def watch_lines(
    model: LoadedModel,
    file: Path,
    source: str,
    inputs: Sequence[InputSpec] | tuple[tuple[Any, ...], dict[str, Any]],
    *,
    train: bool = False,
    batches: bool = True,
) -> Watched:
    """Trace `model` twice: once to find the way that works, then with every line watched.

    Args:
        model: what was loaded.
        file: the file whose lines are watched.
        source: its text.
        inputs: as for a trace.
        train: trace in training mode.
        batches: also run another batch size, to tell which axes are the batch.

    Raises:
        ShapescopeError: the model cannot be built.
    """
    first = trace_model(model, inputs, train=train)
    mode = first.trace.mode
    recorder = LineRecorder(file, source)
    with recorder:
        traced = trace_model(model, inputs, train=train, mode=mode)
    observed = Observed(traced.trace, tuple(recorder.visits), tuple(recorder.calls))
    if not batches or traced.trace.failure is not None:
        return Watched(observed, None, first.notes)
    return Watched(observed, _other_batch(model, file, source, inputs, train, mode), first.notes)


def _other_batch(
    model: LoadedModel,
    file: Path,
    source: str,
    inputs: Any,
    train: bool,
    mode: str,
) -> Observed | None:
    if not all(isinstance(spec, InputSpec) for spec in inputs):
        return None
    try:
        specs = rebatch(tuple(inputs), OTHER_BATCH)
        recorder = LineRecorder(file, source)
        with recorder:
            traced = trace_model(model, specs, train=train, mode=mode)
    except ShapescopeError:
        # Without a second batch size the first one is written as a number.
        return None
    if traced.trace.failure is not None:
        return None
    return Observed(traced.trace, tuple(recorder.visits), tuple(recorder.calls))
