"""Tracing a model again: with edited source, inputs of other sizes, another batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from torch import nn

from shapescope.analysis.batch import Evidence, Mixing, suspicions, walk_batch
from shapescope.capture.confirmation import first_refusal
from shapescope.capture.inputs import InputSpec, rebatch
from shapescope.capture.loader import load
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.source import is_library_file
from shapescope.capture.subject import (
    Inputs,
    Subject,
    are_arguments,
    arguments_on,
    is_one_tensor,
    rebatched,
)
from shapescope.capture.tensor_specs import specs_of
from shapescope.capture.traced import Target
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError
from shapescope.ops import known_macs, lookup
from shapescope.source_text import absolute_path, overridden
from shapescope.trace import Failure, Shape, Trace

_FEW = 3
_MOST_MACS = 2 * 10**9
_MOST_PARAMS = 10**8


class Retracer:
    """Traces one model as often as its diagnosis needs, shapes alone.

    Args:
        model: as the user named it, or live; a live one has no source to edit.
        inputs: of the trace that is being diagnosed.
        train: as in that trace.
        target: as in that trace.
        mode: of that trace: what meta cannot do once, it cannot do again.
    """

    def __init__(
        self,
        model: LoadedModel | nn.Module,
        inputs: Inputs,
        *,
        train: bool = False,
        target: Target | None = None,
        mode: str = "meta",
    ) -> None:
        self.model = model
        self.inputs = inputs
        self.train = train
        self.target = target
        self.mode = "meta" if mode == "meta" else "auto"
        self._loaded: tuple[dict[str, str], LoadedModel] | None = None

    @property
    def editable(self) -> frozenset[str]:
        """The absolute paths of the user's files, and of a document network's own."""
        model = self.model
        if isinstance(model, nn.Module):
            return frozenset()
        if model.entry is not None and model.file is not None:
            return frozenset({absolute_path(model.file)})
        files = (absolute_path(file) for file in model.files)
        return frozenset(file for file in files if not is_library_file(file))

    def __call__(
        self,
        texts: Mapping[str, str],
        *,
        shapes: Sequence[Shape] | None = None,
        batch: int | None = None,
    ) -> Trace | None:
        """The trace of the model read with `texts`; None where it cannot be had.

        Args:
            texts: by absolute path, for files that read otherwise.
            shapes: of the inputs, where they differ.
            batch: the size of axis 0, where it differs.
        """
        inputs = self.reshaped(shapes, batch)
        if inputs is None:
            return None
        target = self.target
        if batch is not None and target is not None and target.spec.shape:
            (spec,) = rebatch((target.spec,), batch)
            target = replace(target, spec=spec)
        try:
            with overridden({Path(path): text for path, text in texts.items()}):
                model = self.read(texts)
                traced = trace_model(model, inputs, train=self.train, mode=self.mode, target=target)
                if self.mode == "meta" and _asks_for_values(traced.trace):
                    mode = "real" if _affordable(traced.trace) else "auto"
                    traced = trace_model(model, inputs, train=self.train, mode=mode, target=target)
        except ShapescopeError:
            return None
        made = _as_a_cpu_would(traced.trace)
        if made.failure is not None and batch is not None and self._may_have_missed():
            return None
        return made

    def _may_have_missed(self) -> bool:
        """Whether inputs of the user's may belong to a batch in a way that nothing tells."""
        return are_arguments(self._own) and not is_one_tensor(self._own)

    @cached_property
    def _own(self) -> Inputs:
        """The inputs; what a function of the user's makes as it made them, to be cut and repeated.

        Raises:
            ShapescopeError: the function makes none.
        """
        inputs = self.inputs
        made = any(isinstance(spec, InputSpec) and spec.source is not None for spec in inputs)
        if not made:
            return inputs
        subject = Subject(self.model)
        with subject.environment():
            return arguments_on("cpu", inputs, subject.on("meta"))

    def read(self, texts: Mapping[str, str]) -> LoadedModel | nn.Module:
        """The model, loaded afresh where files read otherwise.

        Raises:
            ShapescopeError: it cannot be loaded like that.
        """
        if not texts or isinstance(self.model, nn.Module):
            return self.model
        if self._loaded is not None and self._loaded[0] == texts:
            return self._loaded[1]
        model = self.model
        spec = model.spec
        if model.entry is not None:
            # A document network edited on trial is a file like any other.
            spec = f"{model.file}:{model.class_name}"
            arguments = model.spec.partition("(")[1:]
            spec += "".join(arguments)
        overrides = {**model.overrides, **{Path(path): text for path, text in texts.items()}}
        again = model.reload
        loaded = load(spec, overrides=overrides) if again is None else again(overrides)
        self._loaded = (dict(texts), loaded)
        return loaded

    def reshaped(self, shapes: Sequence[Shape] | None, batch: int | None) -> Inputs | None:
        """The inputs with other sizes; None where those of the user's own cannot be changed."""
        if shapes is None and batch is None:
            return self.inputs
        inputs = self._own
        found: Inputs | None = inputs
        if are_arguments(inputs):
            if shapes is None and batch is not None:
                return rebatched(inputs, batch)
            found = specs_of(inputs)
        if found is None:
            return None
        specs = tuple(spec for spec in found if isinstance(spec, InputSpec))
        if shapes is not None:
            if len(shapes) != len(specs) or any(spec.shape is None for spec in specs):
                return None
            specs = tuple(
                replace(spec, shape=tuple(int(size) for size in shape))
                for spec, shape in zip(specs, shapes, strict=True)
            )
        if batch is not None:
            specs = rebatch(specs, batch)
        return specs

    def runs(self, texts: Mapping[str, str], trace: Trace, shapes: Sequence[Shape] | None) -> bool:
        """Whether the model that `trace` is of also runs on real tensors, backwards too.

        True where that was not tried, because it would take long or the inputs are the user's own.
        """
        from shapescope.capture.further.rehearsal import is_short, runs_for_real

        inputs = self.reshaped(shapes, None)
        if inputs is None or are_arguments(inputs) or not is_short(trace):
            return True
        specs = tuple(spec for spec in inputs if isinstance(spec, InputSpec))
        with overridden({Path(path): text for path, text in texts.items()}):
            model = self.read(texts)
            return runs_for_real(model, specs, train=self.train, target=self.target)

    def evidence(self, texts: Mapping[str, str], trace: Trace, other: Trace | None) -> Evidence:
        """What other passes of the model show: `other` with another batch size.

        Real numbers are only used where a step may let samples see each other, and where that
        costs little.
        """
        mixing = self._mixing(texts, trace, other)
        target = None if self.target is None else self.target.spec.bound
        return Evidence(other, mixing, self._bounds(trace), target)

    def _bounds(self, trace: Trace) -> dict[str, int]:
        if are_arguments(self.inputs) or len(self.inputs) != len(trace.inputs):
            return {}
        return {
            spec.name: given.bound
            for spec, given in zip(trace.inputs, self.inputs, strict=True)
            if isinstance(given, InputSpec) and spec.name is not None and given.bound is not None
        }

    def _mixing(self, texts: Mapping[str, str], trace: Trace, other: Trace | None) -> Mixing | None:
        seen = trace if other is None or other.failure is not None else other
        walk = walk_batch(seen) if trace.failure is None else None
        if walk is None:
            return None
        kinds = suspicions(seen, walk)
        if not kinds or not _affordable(seen):
            return None
        inputs = self.inputs if seen is trace else self.reshaped(None, _FEW)
        if inputs is None:
            return None
        from shapescope.capture.further.mixing import mixing_run

        try:
            with overridden({Path(path): text for path, text in texts.items()}):
                return mixing_run(self.read(texts), inputs, order="indexed" in kinds)
        except ShapescopeError:
            return None


def _asks_for_values(trace: Trace) -> bool:
    """Whether it failed where no shape is refused: forward may have looked at a value.

    Meta has none, and the model as it was need not have come that far.
    """
    failure = trace.failure
    if failure is None or failure.step is None:
        return failure is not None
    step = trace.steps[failure.step]
    alone = len(step.inputs) == 1 and lookup(step.op).pointwise
    return step.is_composite or (alone and step.kind == "function")


def _affordable(trace: Trace) -> bool:
    """Whether a few runs of a few samples on real numbers cost next to nothing."""
    batch = next((spec.shape[0] for spec in trace.inputs if spec.shape), 1)
    macs = known_macs(trace.steps)
    share = _FEW / batch if isinstance(batch, int) and batch else 1
    params = sum(param.numel for param in trace.params)
    return macs * share <= _MOST_MACS and params <= _MOST_PARAMS


def _as_a_cpu_would(trace: Trace) -> Trace:
    """The trace, failed at the first step that meta accepts and a CPU refuses."""
    if trace.failure is not None:
        return trace
    refused = first_refusal(trace.steps)
    if refused is None:
        return trace
    step, reason = refused
    failure = Failure(step.index, "RuntimeError", reason, step.call_site)
    return replace(trace, outputs=(), failure=failure)
