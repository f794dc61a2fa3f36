"""Each shape written in a file, held against what a run showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapescope.analysis.comments.candidates import Candidates, by_order
from shapescope.analysis.comments.fitting import Names, fit
from shapescope.analysis.comments.made import Sighting
from shapescope.analysis.comments.notation import BOTH, Written, annotation_axes, written_shapes
from shapescope.analysis.comments.observed import Observed
from shapescope.analysis.comments.places import ALONE, ANNOTATION, BETWEEN, NOTHING, Remark
from shapescope.analysis.comments.remarks import remarks
from shapescope.analysis.comments.spelling import respelled
from shapescope.trace import Shape, SourceSpan

RIGHT, WRONG, UNCHECKED = "right", "wrong", "unchecked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a shape in a file says, and whether it is so.

    Attributes:
        span: of the shape alone, without `#`.
        kind: `comment`, `docstring` or `annotation`.
        text: the shape as written.
        says: its axes as written.
        value: the variable or module path it speaks of; empty where the run says nothing of it.
        step: the step that made it, if one is known.
        shapes: the distinct shapes seen there.
        status: `right`, `wrong` or `unchecked`.
        why: the reason for `wrong` and `unchecked`.
        replacement: what would be right, in the spelling of the file; only for `wrong`.
    """

    span: SourceSpan
    kind: str
    text: str
    says: tuple[str, ...]
    value: str
    step: int | None
    shapes: tuple[Shape, ...]
    status: str
    why: str = ""
    replacement: str = ""


def judge(source: str, file: str, observed: Observed) -> tuple[Verdict, ...]:
    """Every shape written in `source`, in order of position.

    Args:
        source: the text of the file.
        file: its name as it stands in the spans of the trace.
        observed: what a run of its model showed.

    Raises:
        SyntaxError: the source is no Python.
    """
    candidates = Candidates(file, observed)
    shapes: list[tuple[Remark, Written]] = []
    sightings: dict[int, tuple[Sighting, ...]] = {}
    for remark in remarks(source):
        written = _read(remark)
        for index, one in enumerate(written):
            seen = candidates.of(remark, written, index)
            if not one.weak or _has_rank(remark, seen, len(one.says)):
                sightings[len(shapes)] = seen
                shapes.append((remark, one))
    problems = _problems(shapes, sightings)
    return tuple(
        _verdict(file, remark, one, sightings[key], problems.get(key))
        for key, (remark, one) in enumerate(shapes)
        if remark.place.subject != NOTHING or sightings[key]
    )


def _has_rank(remark: Remark, seen: Sequence[Sighting], rank: int) -> bool:
    """Whether what a remark stands behind has this many axes, each time."""
    alone = remark.place.subject in (ALONE, BETWEEN)
    shapes = [shape for sighting in seen for shape in sighting.shapes]
    return bool(shapes) and not alone and all(len(shape) == rank for shape in shapes)


def _read(remark: Remark) -> tuple[Written, ...]:
    if remark.kind == ANNOTATION:
        says = annotation_axes(remark.text)
        return (Written(0, len(remark.text), remark.text, says, (), BOTH),) if says else ()
    return written_shapes(remark.text)


def _problems(
    shapes: Sequence[tuple[Remark, Written]], sightings: dict[int, tuple[Sighting, ...]]
) -> dict[int, tuple[Sighting, str, Names]]:
    """The first visit at which each shape is wrong, and why; in order, so that names settle."""
    names: dict[tuple[str, int | str], Names] = {}
    wrong: dict[int, tuple[Sighting, str, Names]] = {}
    for key, sighting in by_order(sightings):
        if key in wrong:
            continue
        known = names.setdefault(sighting.scope, {})
        remark, one = shapes[key]
        reason = _misfit(one, sighting, known, batch=remark.kind != ANNOTATION)
        if reason is not None:
            wrong[key] = (sighting, reason, dict(known))
    return wrong


def _misfit(one: Written, sighting: Sighting, known: Names, *, batch: bool) -> str | None:
    first: str | None = None
    for says in (one.says, *one.readings):
        for shape in sighting.shapes:
            reason = fit(says, shape, known, batch=batch)
            if reason is None:
                return None
            first = first or reason
    return first


def _verdict(
    file: str,
    remark: Remark,
    one: Written,
    sightings: Sequence[Sighting],
    problem: tuple[Sighting, str, Names] | None,
) -> Verdict:
    start = remark.column + one.start
    span = SourceSpan(file, remark.line, start, remark.line, start + len(one.text))
    seen = tuple(dict.fromkeys(sighting.shapes[0] for sighting in sightings if sighting.shapes))
    likely = sightings[0] if sightings else None
    value = likely.value if likely else ""
    step = likely.step if likely else None
    common = (span, remark.kind, one.text, one.says, value, step, seen)
    if not any(sighting.shapes for sighting in sightings):
        return Verdict(*common, UNCHECKED, "this run says nothing about it")
    if problem is None:
        return Verdict(*common, RIGHT)
    at, why, known = problem
    bare = remark.kind == ANNOTATION
    return Verdict(*common, WRONG, why, respelled(one, at.shapes[0], known, axes_only=bare))
