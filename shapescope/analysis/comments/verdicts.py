"""Each shape written in a file, held against what a run showed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapescope.analysis.comments.candidates import Candidates, by_order
from shapescope.analysis.comments.fitting import ANY_AXES, Names, fit
from shapescope.analysis.comments.made import Sighting
from shapescope.analysis.comments.notation import (
    BOTH,
    INPUT,
    Written,
    annotation_axes,
    written_shapes,
)
from shapescope.analysis.comments.observed import Observed
from shapescope.analysis.comments.places import ALONE, ANNOTATION, BETWEEN, NOTHING, Remark
from shapescope.analysis.comments.remarks import remarks
from shapescope.analysis.comments.spelling import respelled
from shapescope.trace import Shape, SourceSpan

RIGHT, WRONG, UNCHECKED = "right", "wrong", "unchecked"
LARGEST_KERNEL = 11
"""Two numbers up to this may be a kernel; AlexNet's is the largest that is common."""


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
            if not one.weak or _is_meant(candidates, remark, written, index, seen):
                sightings[len(shapes)] = seen
                shapes.append((remark, one))
    problems = _problems(shapes, sightings)
    return tuple(
        _verdict(file, remark, one, sightings[key], problems.get(key))
        for key, (remark, one) in enumerate(shapes)
        if remark.place.subject != NOTHING or sightings[key]
    )


def _is_meant(
    candidates: Candidates,
    remark: Remark,
    written: Sequence[Written],
    index: int,
    seen: Sequence[Sighting],
) -> bool:
    """Whether numbers that may be a kernel or a step are a shape, going by what was there."""
    one = written[index]
    if not any(re.search(r"\d", word) for word in one.says):
        # `n x d` may be a matrix of each head, or of each map
        return all(len(shape) <= 3 for sighting in seen for shape in sighting.shapes)
    ranks = [len(says) for says in (one.says, *one.readings) if not ANY_AXES & set(says)]
    if any(_has_rank(remark, seen, rank, one.names) for rank in ranks):
        return True
    if remark.place.subject in (ALONE, BETWEEN) or not _are_maps(seen):
        return False
    if not (len(one.says) == 2 and all(map(str.isdigit, one.says))):
        return False
    if _fits(one, seen):
        return True
    if max(map(int, one.says)) <= LARGEST_KERNEL:
        return False
    # `224 x 224` behind the layer that takes it: not what comes out, and not wrong either.
    going_in = [*written[:index], replace(one, role=INPUT), *written[index + 1 :]]
    return not _fits(one, candidates.of(remark, going_in, index))


def _are_maps(seen: Sequence[Sighting]) -> bool:
    shapes = [shape for sighting in seen for shape in sighting.shapes]
    return bool(shapes) and all(len(shape) >= 3 for shape in shapes)


def _fits(one: Written, seen: Sequence[Sighting]) -> bool:
    return bool(seen) and all(_misfit(one, sighting, {}, batch=True) is None for sighting in seen)


def _has_rank(
    remark: Remark, seen: Sequence[Sighting], rank: int, names: Sequence[str] = ()
) -> bool:
    """Whether what is spoken of has this many axes, each time; one axis leaves a batch out."""
    alone = remark.place.subject in (ALONE, BETWEEN) and not names
    rank = 2 if rank == 1 else rank
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
