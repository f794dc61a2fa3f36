"""Which sizes fit a model: explored with formulas, checked by passes, searched where both end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from shapescope.analysis.sizes.answer import Outcome, answer
from shapescope.analysis.sizes.check import along_axes, disagreement, edges
from shapescope.analysis.sizes.explore import Exploration, explore
from shapescope.analysis.sizes.parts import known_to, merged, tabulated
from shapescope.analysis.sizes.regions import Region, region_of
from shapescope.analysis.sizes.search import search
from shapescope.arithmetic.expressions import BATCH
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import Shape
from shapescope.valid_sizes import Passage, ValidSizes, without_losses

if TYPE_CHECKING:
    from torch import nn  # noqa: TID251 - for annotations only

    from shapescope.capture.loading.loaded import LoadedModel
    from shapescope.capture.sizes.sizer import Sizer
    from shapescope.result import TraceResult

LAST = 300
"""How far sizes are tried where nothing proves the rest."""

CHECK_SECONDS = 1.0
SEARCH_SECONDS = 20.0
_AFFORDABLE_MACS = 2 * 10**9
_MOST_PARAMETERS = 200_000_000
_BATCHES = (2, 3)


@dataclass
class _Work:
    """What is known so far."""

    sizer: Sizer
    passages: tuple[Passage, ...] = ()
    regions: list[Region] = field(default_factory=list)
    searched_to: int | None = None
    notes: list[str] = field(default_factory=list)
    hints: list[Mapping[str, int]] = field(default_factory=list)
    mode: str = "symbolic"
    for_every_batch: bool = True

    @property
    def axes(self) -> list[str]:
        """The names of the free axes."""
        return [free.name for free in self.sizer.axes]


def sizes_of_request(model: str, inputs: Sequence[str]) -> ValidSizes:
    """The answer for a model and inputs as a user types them.

    Raises:
        ShapescopeError: the request cannot be met, or the model cannot be built.
    """
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.capture.loader import load

    specs = parse_inputs(inputs) or None
    loaded = load(model)
    return valid_sizes(loaded, loaded.fitted(specs) if specs else None)


def valid_sizes(model: nn.Module | LoadedModel | str, inputs: Any = None) -> ValidSizes:
    """The input sizes that fit a model.

    Args:
        model: a live model, or one as a user names it.
        inputs: specs or `(args, kwargs)`; their sizes are where the search starts.

    Raises:
        ShapescopeError: the request cannot be met, or the model cannot be built.
    """
    from shapescope.capture.loader import load
    from shapescope.capture.untouched.bystanders import bystanders_of

    subject = load(model) if isinstance(model, str) else model
    with bystanders_of(subject):
        return _sizes_of(subject, inputs)


def _sizes_of(subject: nn.Module | LoadedModel, inputs: Any) -> ValidSizes:
    """The input sizes that fit what was loaded."""
    from shapescope.capture.inferring.own_inputs import own_inputs
    from shapescope.capture.sizes.sizer import Sizer

    notes: tuple[str, ...] = getattr(subject, "notes", ())
    if inputs is None:
        inputs, how = own_inputs(subject)
        notes += how
    sizer = Sizer(subject, inputs)
    if not sizer.inputs:
        raise ShapescopeError("the model has no tensor input whose sizes could be free")
    work = _Work(sizer, notes=list(notes))
    with sizer.inside():
        _find(work)
        without_batch = _without_batch(work)
        found = answer(
            Outcome(
                model=str(getattr(subject, "spec", sizer.name)),
                mode=work.mode,
                inputs=sizer.inputs,
                axes=sizer.axes,
                asked=sizer.asked,
                asked_batch=sizer.asked_batch,
                regions=tuple(work.regions),
                searched_to=work.searched_to,
                outputs_at=_outputs_at(sizer),
                passages=work.passages,
                notes=tuple(work.notes),
            )
        )
    return replace(
        found,
        diagnostics=() if work.regions else _diagnosed(work, subject, inputs).diagnostics,
        for_every_batch=work.for_every_batch,
        without_batch=without_batch,
    )


def _without_batch(work: _Work) -> Shape | None:
    """An output that does not start with the batch, of a model that runs and never fits."""
    sizer = work.sizer
    if work.regions or not sizer.has_batch:
        return None
    batch = max(sizer.asked_batch, _BATCHES[0])
    for device in ("meta", "cpu") if _affordable(work) else ("meta",):
        done = sizer.plain_pass(sizer.asked, batch, device)
        made = without_losses([spec.shape for spec in done.trace.outputs])
        if done.failure is None:
            return next((shape for shape in made if shape[:1] != (batch,)), None)
    return None


def _diagnosed(work: _Work, subject: nn.Module | LoadedModel, inputs: Any) -> TraceResult:
    """What is wrong with a model that no size fits.

    Raises:
        ShapescopeError: it runs on the inputs that were given, by their values.
    """
    from shapescope.session import trace_any

    result = trace_any(subject, inputs)
    sizer = work.sizer
    if result.trace.failure is None and not result.failed and _affordable(work):
        with sizer.inside():
            alike = sizer.plain_pass(sizer.asked, sizer.asked_batch, "cpu")
        if alike.failure is not None:
            raise ShapescopeError(
                f"{sizer.name} runs on these inputs, but not on random values of the same sizes, "
                "so other sizes cannot be tried",
                advice=("trace it with inputs of another size, from the function that makes them",),
            )
    return result


def _outputs_at(sizer: Sizer) -> Callable[[Mapping[str, int]], tuple[Shape, ...]]:
    def outputs(sizes: Mapping[str, int]) -> tuple[Shape, ...]:
        done = sizer.plain_pass(sizes, sizer.asked_batch)
        is_small = max(sizes.values(), default=0) <= LAST
        if done.failure is not None and is_small and sizer.parameter_count < _MOST_PARAMETERS:
            done = sizer.plain_pass(sizes, sizer.asked_batch, "cpu")
        return tuple(spec.shape for spec in done.trace.outputs)

    return outputs


def _find(work: _Work) -> None:
    doubts = _explore(work)
    if not work.axes:
        if doubts:
            fits = work.sizer.fits({})
            work.regions = [Region({}, frozenset())] if fits else []
        return
    known = known_to(work.regions)
    if not doubts:
        work.searched_to = known if work.searched_to is None else work.searched_to
        if _agrees(work, thorough=False):
            return
    elif _agrees(work, thorough=True):
        work.searched_to = min(LAST, known or LAST)
        work.notes.append("tried, not proven: " + doubts[0])
        return
    _search(work)


def _explore(work: _Work) -> tuple[str, ...]:
    """Explore with formulas; what is doubtful about the result comes back."""
    sizer = work.sizer
    found = explore(sizer.passage, _all_axes(sizer), _start(sizer), _asks_about_batch)
    if any(map(_asks_about_batch, found.passages)):
        # the way depends on the batch: look at it for single batches
        work.for_every_batch = False
        explorations = [
            explore(partial(sizer.passage, batch=batch), work.axes, sizer.asked)
            for batch in _BATCHES
        ]
        work.passages = explorations[0].passages
        work.regions = _common([_regions(one, work.axes) for one in explorations])
        doubts = [doubt for one in explorations for doubt in one.open]
        ends = [one.known_to for one in explorations if one.known_to is not None]
        work.searched_to = min(ends) if ends else None
        return tuple(dict.fromkeys(doubts))
    work.passages = found.passages
    work.regions = _regions(found, work.axes)
    work.searched_to = found.known_to
    return found.open


def _all_axes(sizer: Sizer) -> list[str]:
    return [free.name for free in sizer.axes] + ([BATCH] if sizer.has_batch else [])


def _start(sizer: Sizer) -> dict[str, int]:
    return {**sizer.asked, **({BATCH: 2} if sizer.has_batch else {})}


def _asks_about_batch(passage: Passage) -> bool:
    return any(BATCH in decision.condition.names for decision in passage.decisions)


def _regions(found: Exploration, axes: Sequence[str]) -> list[Region]:
    whole = merged(
        region_of((decision.condition for decision in passage.decisions), axes)
        for passage in found.fitting
    )
    return merged(part for region in whole for part in tabulated(region, LAST))


def _common(groups: Sequence[list[Region]]) -> list[Region]:
    """The sizes that are in a region of every group."""
    first, *others = groups
    for group in others:
        first = [
            Region(
                {axis: one.sets[axis] & two.sets[axis] for axis in one.sets},
                one.coupled | two.coupled,
            )
            for one, two in product(first, group)
        ]
    return merged(first)


# --- checking


def _agrees(work: _Work, *, thorough: bool) -> bool:
    """Whether plain passes, on meta and on real tensors, say the same as the formulas."""
    axes, regions = work.axes, work.regions
    affordable = _affordable(work)
    quick = _quicker(work) if affordable else "meta"

    def on_meta(sizes: Mapping[str, int], claimed: bool) -> bool:
        found = _runs(work.sizer, sizes, quick)
        # meta is laxer, and knows no values: where it says otherwise, real tensors decide
        return found if found == claimed or not affordable else _runs(work.sizer, sizes, "cpu")

    asked = work.sizer.asked
    samples = along_axes(regions, axes, LAST, asked) if thorough else edges(regions, axes, LAST)
    limit = (SEARCH_SECONDS, 4 * LAST) if thorough else (CHECK_SECONDS, 40)
    other = disagreement(regions, on_meta, samples, *limit)
    if other:
        work.hints.append(other)
        return False
    return not affordable or not disagreement(
        regions,
        lambda sizes, claimed: _runs(work.sizer, sizes, "cpu"),
        _to_confirm(work, LAST, seed=1),
        CHECK_SECONDS,
        12,
    )


def _to_confirm(work: _Work, last: int, seed: int) -> Iterator[Mapping[str, int]]:
    """Sizes to try on real tensors: what was asked for is the likeliest to fit where none does."""
    yield work.sizer.asked
    yield from edges(work.regions, work.axes, last, seed)


def _quicker(work: _Work) -> str:
    """Where a plain pass takes less time: recurrent layers are slow on meta, step by step."""
    sizer = work.sizer
    on_meta = sizer.seconds_of_a_pass(sizer.asked, "meta")
    return "cpu" if sizer.seconds_of_a_pass(sizer.asked, "cpu") < on_meta else "meta"


def _runs(sizer: Sizer, sizes: Mapping[str, int], device: str) -> bool:
    return all(sizer.fits(sizes, batch, device) for batch in _BATCHES)


def _affordable(work: _Work) -> bool:
    """Whether a few passes on real tensors take little."""
    from shapescope.ops import known_macs

    if work.sizer.parameter_count > _MOST_PARAMETERS:
        return False
    done = work.sizer.plain_pass(work.sizer.asked)
    macs = known_macs(done.steps)
    return macs <= _AFFORDABLE_MACS


# --- searching


def _confirmed(sizer: Sizer, alone: bool, sizes: Mapping[str, int], claimed: bool) -> bool:
    """Whether real tensors fit; beside axes searched alone nothing is claimed."""
    return (claimed or not alone) and _runs(sizer, sizes, "cpu")


def _search(work: _Work) -> None:
    """Try sizes one by one: on meta, and on real tensors where meta is too lax or cannot."""
    sizer = work.sizer
    fitting = [{axis: one.sizes[axis] for axis in work.axes} for one in work.passages if one.fits]
    hints = [sizer.asked, *fitting, *work.hints]
    for device in ("meta", "cpu"):
        each = sizer.seconds_of_a_pass(hints[-1], device) * len(_BATCHES)
        found = search(
            partial(_runs, sizer, device=device),
            work.axes,
            hints,
            seconds_each=each,
            seconds=SEARCH_SECONDS,
        )
        work.mode = "meta" if device == "meta" else "real"
        work.regions = merged(found.regions)
        work.searched_to = found.last
        if not _affordable(work) or not disagreement(
            work.regions,
            partial(_confirmed, sizer, found.alone),
            _to_confirm(work, found.last, seed=2),
            CHECK_SECONDS,
            12,
        ):
            break
    how = "along each axis, the others as they fitted, " if found.alone else ""
    work.notes.append(f"searched by passes {how}up to {work.searched_to}")
