"""The answer to a request: which sizes fit a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shapescope.analysis.sizes.answer import Outcome, answer
from shapescope.analysis.sizes.parts import known_to
from shapescope.analysis.sizes.regions import Region
from shapescope.analysis.sizes.search import LAST
from shapescope.diagnostic import ShapescopeError
from shapescope.sizing.agreement import agrees
from shapescope.sizing.exploration import explore_ways
from shapescope.sizing.search import search_sizes
from shapescope.sizing.work import BATCHES, MOST_PARAMETERS, Work
from shapescope.trace import Shape
from shapescope.valid_sizes import ValidSizes, without_losses

if TYPE_CHECKING:
    from torch import nn  # noqa: TID251 - for annotations only

    from shapescope.capture.loading.loaded import LoadedModel
    from shapescope.capture.sizes.sizer import Sizer
    from shapescope.result import TraceResult


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
    work = Work(sizer, notes=list(notes))
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


def _without_batch(work: Work) -> Shape | None:
    """An output that does not start with the batch, of a model that runs and never fits."""
    sizer = work.sizer
    if work.regions or not sizer.has_batch:
        return None
    batch = max(sizer.asked_batch, BATCHES[0])
    for device in ("meta", "cpu") if work.is_affordable else ("meta",):
        done = sizer.plain_pass(sizer.asked, batch, device)
        made = without_losses([spec.shape for spec in done.trace.outputs])
        if done.failure is None:
            return next((shape for shape in made if shape[:1] != (batch,)), None)
    return None


def _diagnosed(work: Work, subject: nn.Module | LoadedModel, inputs: Any) -> TraceResult:
    """What is wrong with a model that no size fits.

    Raises:
        ShapescopeError: it runs on the inputs that were given, by their values.
    """
    from shapescope.session import trace_any

    result = trace_any(subject, inputs)
    sizer = work.sizer
    if result.trace.failure is None and not result.failed and work.is_affordable:
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
        if done.failure is not None and is_small and sizer.parameter_count < MOST_PARAMETERS:
            done = sizer.plain_pass(sizes, sizer.asked_batch, "cpu")
        return tuple(spec.shape for spec in done.trace.outputs)

    return outputs


def _find(work: Work) -> None:
    doubts = explore_ways(work)
    if not work.axes:
        if doubts:
            fits = work.sizer.fits({})
            work.regions = [Region({}, frozenset())] if fits else []
        return
    known = known_to(work.regions)
    if not doubts:
        work.searched_to = known if work.searched_to is None else work.searched_to
        if agrees(work, thorough=False):
            return
    elif agrees(work, thorough=True):
        work.searched_to = min(LAST, known or LAST)
        work.notes.append("tried, not proven: " + doubts[0])
        return
    search_sizes(work)
