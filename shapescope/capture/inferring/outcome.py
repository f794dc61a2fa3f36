"""What one attempt to run a model shows about the size its input should have."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from shapescope.attrs import AttentionAttrs, CallAttrs, ConvAttrs, LinearAttrs, RecurrentAttrs
from shapescope.trace import Step, Trace
from shapescope.valid_sizes import without_losses

__all__ = ["UNKNOWN", "Outcome", "outcome_of"]

_AXES_WITHOUT_BATCH = 2
UNKNOWN = -1
"""The progress of an attempt that says only yes or no."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt showed.

    Attributes:
        fits: it went through, and every output keeps the batch.
        runs: it went through.
        progress: number of steps that were done, or `UNKNOWN`.
        spatial: the map before the flatten, as it arrived: its channels and spatial sizes.
        wanted: number of features wanted after the flatten.
        reader: path of the layer that wants them.
        reached: the paths of all modules that were entered.
        refused: where a layer refused its features or channels, its path, what it takes, and what
            arrived.
        trace: the attempt itself.
    """

    fits: bool
    runs: bool
    progress: int = 0
    channels: int = 0
    spatial: tuple[int, ...] = ()
    wanted: int = 0
    reader: str = ""
    reached: frozenset[str] = frozenset()
    refused: tuple[str, int, int] | None = None
    trace: Trace | None = field(default=None, compare=False, repr=False)

    @property
    def surplus(self) -> int | None:
        """Positions that arrive minus positions that are wanted; None where it is not known."""
        if not self.spatial or not self.wanted or self.wanted % self.channels:
            return None
        return prod(self.spatial) - self.wanted // self.channels


def outcome_of(trace: Trace) -> Outcome:
    """What a trace shows: whether it went through, and which flattened map is wanted."""
    failed = None if trace.failure is None else trace.failure.step
    runs = trace.failure is None
    batch = trace.inputs[0].shape[:1] if trace.inputs else ()
    made = without_losses([spec.shape for spec in trace.outputs])
    kept = all(shape[:1] == batch for shape in made) and not _unbatched(trace)
    progress = sum(bool(step.outputs) and not step.is_composite for step in trace.steps)
    reached = frozenset(step.path for step in trace.steps)
    refused = None if failed is None else _refused(trace.steps[failed])
    found = Outcome(runs and kept, runs, progress, reached=reached, refused=refused, trace=trace)
    for step in trace.leaves:
        failing = step.index == failed
        features, decides = _wanted_features(step, failing)
        before = _map_before(trace, step) if features else None
        if before is None:
            continue
        channels, spatial = before
        arrives = step.inputs[0].shape[-1]
        if not decides and arrives != channels * prod(spatial):
            continue
        found = replace(
            found,
            channels=channels,
            spatial=spatial,
            wanted=features,
            reader=_reader(trace, step),
        )
        if decides:
            break
    return found


def _unbatched(trace: Trace) -> bool:
    """Whether a sequence came to a layer for sequences without its batch."""
    return any(
        bool(step.inputs) and len(step.inputs[0].shape) == _AXES_WITHOUT_BATCH
        for step in trace.leaves
        if isinstance(step.attrs, AttentionAttrs)
        or (isinstance(step.attrs, RecurrentAttrs) and not step.attrs.cell)
    )


def _refused(step: Step) -> tuple[str, int, int] | None:
    """A failing layer, the features or channels that it takes, and those that arrived."""
    shape = step.inputs[0].shape if step.inputs else ()
    if isinstance(step.attrs, LinearAttrs) and shape:
        wanted, arrived = step.attrs.in_features, shape[-1]
    elif isinstance(step.attrs, ConvAttrs) and len(shape) == len(step.attrs.kernel_size) + 2:
        wanted, arrived = step.attrs.in_channels, shape[1]
    else:
        return None
    return (step.path, wanted, arrived) if isinstance(arrived, int) and arrived != wanted else None


def _wanted_features(step: Step, failing: bool) -> tuple[int, bool]:
    """The features per sample that a step wants of a flattened map, and whether that decides.

    It decides where the step fails over it, or where it folds rows into the batch to get them.
    """
    if isinstance(step.attrs, LinearAttrs):
        flat = bool(step.inputs) and len(step.inputs[0].shape) == 2
        return (step.attrs.in_features if flat else 0), False
    if step.op in ("view", "reshape") and isinstance(step.attrs, CallAttrs) and step.inputs:
        shape = step.attrs.get("shape")
        sizes = shape if isinstance(shape, tuple) else ()
        known = [size for size in sizes if type(size) is int and size > 0]
        folds = bool(step.outputs) and step.outputs[0].shape[:1] != step.inputs[0].shape[:1]
        if len(sizes) == 2 and known and (failing or folds):
            return prod(known), True
    return 0, False


def _map_before(trace: Trace, step: Step) -> tuple[int, tuple[int, ...]] | None:
    """Channels and spatial sizes of the last map on the way to a step."""
    current: Step | None = step
    while current is not None and current.inputs:
        shape = current.inputs[0].shape
        if len(shape) >= 3 and all(isinstance(size, int) for size in shape):
            sizes = tuple(int(size) for size in shape)
            return (sizes[1], sizes[2:]) if sizes[1] else None
        _, source = current.input_sources()[0]
        current = None if source is None else trace.steps[source]
    return None


def _reader(trace: Trace, step: Step) -> str:
    """The layer for whose sake a step flattens: itself, or the linear layer behind it."""
    if isinstance(step.attrs, LinearAttrs):
        return step.path
    behind = (it for it in trace.leaves if it.index > step.index)
    return next((it.path for it in behind if isinstance(it.attrs, LinearAttrs)), step.path)
