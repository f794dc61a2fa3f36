"""From a trace to its diagnostics, with whatever other passes it takes to be sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from shapescope.analysis.batch import walk_batch
from shapescope.analysis.diagnosis import find
from shapescope.analysis.diagnosis.finding import Finding, Proposal
from shapescope.analysis.diagnosis.loss_steps import loss_of, without_loss
from shapescope.analysis.diagnosis.rules.names import FOLDED
from shapescope.analysis.diagnosis.settled import is_settled
from shapescope.capture.further.retrace import Retracer
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.subject import Inputs
from shapescope.capture.traced import Target, Traced
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import Diagnostic, Help, Severity, ShapescopeError
from shapescope.ops import known_macs
from shapescope.trace import Trace

if TYPE_CHECKING:
    from shapescope.analysis.fixes.search import Search

__all__ = ["investigate"]

_MOST_MACS = 5 * 10**8
_OTHERS = (3, 5, 7, 11, 13)


def investigate(
    model: LoadedModel | nn.Module,
    inputs: Inputs,
    traced: Traced,
    *,
    train: bool = False,
    target: Target | None = None,
    fixes: bool = True,
) -> tuple[Diagnostic, ...]:
    """What is wrong or worth knowing, errors first, with help that was tried.

    A model that is seen to keep its batch needs no other pass; one in doubt is traced once more,
    on meta, with another batch size, and run on a few real numbers where samples may meet.

    Args:
        model: as it was named, or live.
        inputs: what was traced.
        traced: what the trace gave.
        train: whether it was traced in training mode.
        target: the loss that was computed as well.
        fixes: look for edits that mend what was found.
    """
    trace = traced.trace
    if trace.mode == "symbolic":
        return tuple(found.diagnostic for found in find(trace))
    retrace = Retracer(model, inputs, train=train, target=target, mode=trace.mode)
    batch = other_batch(trace)
    other = None
    loss = loss_of(trace)
    bare = trace if loss is None else without_loss(trace, loss)
    walk = walk_batch(bare) if bare.failure is None else None
    open_question = walk is not None and not is_settled(bare, walk) and _is_cheap(bare)
    if open_question and batch is not None:
        other = Retracer(model, inputs, train=train, mode=trace.mode)({}, batch=batch)
    evidence = retrace.evidence({}, bare, other)
    found = find(trace, evidence=evidence)
    retrace.target = _one_for_each_sample(target, found, trace)
    if not fixes or batch is None:
        return tuple(one.diagnostic for one in found)
    run = partial(_run, train=train, target=target)
    diagnose = partial(investigate, train=train, target=target)
    if isinstance(model, nn.Module) and any(_is_wrong(one) for one in found):
        told = _of_its_twin(model, inputs, trace, run, diagnose)
        if told is not None:
            return told
    meant, failing = None, _of_the_failure(trace, found)
    if failing is not None:
        from shapescope.capture.further.meant import meant_help

        meant = meant_help(model, inputs, trace, partial(run, model), partial(diagnose, model))
    if meant is None and not any(map(_wants_help, found)):
        return tuple(one.diagnostic for one in found)
    from shapescope.analysis.fixes.search import Search, place_of

    known = frozenset(place_of(trace, one) for one in found)
    search = Search(trace, retrace, batch, known)
    told = tuple(_with_help(one, search, meant if one is failing else None) for one in found)
    if isinstance(model, nn.Module) and failing is not None and meant is None:
        told = tuple(
            _in_words(one, its.proposals) if its is failing else one
            for one, its in zip(told, found, strict=True)
        )
    return told


def _one_for_each_sample(
    target: Target | None, found: Sequence[Finding], trace: Trace
) -> Target | None:
    """The target that a mended model gets: rows that a fold cut had targets of their own."""
    size = next((spec.shape[0] for spec in trace.inputs if spec.shape), None)
    folded = any(one.diagnostic.rule == FOLDED for one in found)
    if target is None or not folded or not target.spec.shape or not isinstance(size, int):
        return target
    return replace(target, spec=replace(target.spec, shape=(size, *target.spec.shape[1:])))


def _is_wrong(found: Finding) -> bool:
    return found.diagnostic.severity is not Severity.NOTE


def _run(
    model: LoadedModel | nn.Module, inputs: Inputs, train: bool, target: Target | None
) -> Traced | None:
    """What tracing it gives; None where the model cannot be had, or not be fed so."""
    try:
        return trace_model(model, inputs, train=train, target=target)
    except ShapescopeError:
        return None


def _of_its_twin(
    model: nn.Module,
    inputs: Inputs,
    one: Trace,
    run: Callable[[LoadedModel, Inputs], Traced | None],
    diagnose: Callable[[LoadedModel, Inputs, Traced], tuple[Diagnostic, ...]],
) -> tuple[Diagnostic, ...] | None:
    """What is said of a live model's twin, which has a source to edit; None where it has none."""
    from shapescope.capture.further.twin import twin_of

    twin = twin_of(model)
    again = None if twin is None else run(twin, inputs)
    if twin is None or again is None:
        return None
    two = again.trace
    alike = [(step.path, step.op) for step in one.steps] == [
        (step.path, step.op) for step in two.steps
    ]
    if not alike or (one.failure is None) != (two.failure is None):
        return None
    return diagnose(twin, inputs, again)


def _wants_help(found: Finding) -> bool:
    """Whether there are edits to try, for more than a note."""
    return bool(found.proposals) and found.diagnostic.severity is not Severity.NOTE


def _of_the_failure(trace: Trace, found: Sequence[Finding]) -> Finding | None:
    """The finding that explains why forward raises; None where it does not raise."""
    if trace.failure is None:
        return None
    return next((one for one in found if one.diagnostic.severity is Severity.ERROR), None)


def _with_help(found: Finding, search: Search, meant: tuple[Help, bool] | None) -> Diagnostic:
    """A finding with the helps that hold.

    Args:
        found: the finding.
        search: tries its edits.
        meant: the input that was meant instead, and whether edits may stand beside it: a model that
            only got a wrong input needs none.
    """
    diagnostic = found.diagnostic
    if meant is not None:
        diagnostic = replace(diagnostic, help=(*diagnostic.help, meant[0]))
        if not meant[1]:
            return diagnostic
    if not _wants_help(found):
        return diagnostic
    search.left = max(search.left, 8)
    return replace(diagnostic, help=(*diagnostic.help, *search.helps(found))[:2])


def _in_words(diagnostic: Diagnostic, proposals: Sequence[Proposal]) -> Diagnostic:
    """With the number that a layer should have, where its source cannot be edited on trial."""
    told = next((one for one in proposals if one.kind == "consumer" and one.edits), None)
    if told is None or any(entry.edits for entry in diagnostic.help):
        return diagnostic
    words = Help(f"{told.message}  (not tried)" if told.inline else f"{told.message} (not tried)")
    return replace(diagnostic, help=(*diagnostic.help, words)[:2])


def _is_cheap(trace: Trace) -> bool:
    """Whether another pass costs next to nothing: by shapes alone, or with little arithmetic."""
    if trace.mode == "meta":
        return True
    return known_macs(trace.steps) <= _MOST_MACS


def other_batch(trace: Trace) -> int | None:
    """A batch size that differs from the trace's and from every other size of its inputs."""
    sizes = {size for spec in trace.inputs for size in spec.shape}
    first = next((spec.shape[0] for spec in trace.inputs if spec.shape), None)
    if first is None:
        return None
    return next((size for size in _OTHERS if size not in sizes), 17)
