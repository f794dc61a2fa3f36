"""For each shape written down: the values that it may speak of, at each visit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shapescope.analysis.comments.made import CALL, Made, Sighting
from shapescope.analysis.comments.notation import INPUT, OUTPUT, Written
from shapescope.analysis.comments.observed import Call, Observed, Visit, tensors
from shapescope.analysis.comments.places import (
    ALONE,
    ARGUMENT,
    BETWEEN,
    PARAMETER,
    PARAMETERS,
    RESULT,
    STATEMENT,
    Place,
    Remark,
)
from shapescope.analysis.comments.spoken import (
    all_fit,
    chosen,
    goes_out,
    goes_through,
    meant,
    of_locals,
    of_names,
    of_targets,
)
from shapescope.trace import Shape, Step

_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass
class Candidates:
    """Finds the sightings of a remark's shapes in what was observed of a file."""

    file: str
    observed: Observed
    _made: Made = field(init=False)

    def __post_init__(self) -> None:
        self._made = Made(self.file, self.observed.trace)

    def of(self, remark: Remark, written: Sequence[Written], index: int) -> tuple[Sighting, ...]:
        """The sightings of shape number `index` of the remark."""
        one = written[index]
        place = remark.place
        modules = tuple(self._made.behind(remark.line, one))
        if modules and place.subject != BETWEEN:
            return modules
        if place.subject == BETWEEN:
            return tuple(self._made.between(remark.line, (place.line, place.end_line), one))
        if place.subject == STATEMENT:
            return tuple(self._statement(place, written, index))
        if place.subject == ARGUMENT:
            return tuple(self._argument(place, one))
        if place.subject == ALONE:
            told = len(_WORD.findall(remark.text[: one.start])) > 2 or goes_through(written)
            return tuple(self._alone(place, written, index, sentence=told))
        if place.subject in (PARAMETERS, PARAMETER):
            return tuple(self._parameters(place, written, index))
        if place.subject == RESULT:
            return tuple(self._results(place, written, index))
        return ()

    # --- statements

    def _statement(
        self, place: Place, written: Sequence[Written], index: int
    ) -> Iterator[Sighting]:
        one = written[index]
        for visit in self.observed.visits_of(place.line):
            if not visit.finished:
                continue
            if one.role == INPUT:
                shapes = self._read(place, visit)
                yield Sighting(visit.order, (CALL, visit.call), shapes, _first(place.names))
                continue
            name, value = meant(place, visit, written, index)
            found = tuple(tensors(value))
            if not found and not place.returns:  # `b, t, f = x.shape  # (B, T, F)`
                read = [name for name in place.names if name in visit.before]
                if len(read) == 1:
                    name, found = read[0], tuple(tensors(visit.before[read[0]]))
            if found:
                order = visit.order + 0.5
                step = self._last_step(place)
                yield Sighting(order, (CALL, visit.call), found, name, step)

    def _read(self, place: Place, visit: Visit) -> tuple[Shape, ...]:
        """What a statement's expression works with: its variables, and values in between."""
        named = [visit.before[name] for name in place.names if name in visit.before]
        shapes = [shape for value in named for shape in tensors(value)]
        for step in self._steps_between(place.line, place.end_line):
            shapes += [spec.shape for spec in (*step.inputs, *step.outputs)]
        return tuple(dict.fromkeys(shapes))

    def _argument(self, place: Place, one: Written) -> Iterator[Sighting]:
        visits = [v for v in self.observed.visits_of(place.line) if v.finished]
        node = place.node
        if node is None:
            return
        steps = self._ending_with(node)
        outer = [step for step in steps if step.outputs and not _inside(step, steps)]
        for position, visit in enumerate(visits):
            scope = (CALL, visit.call)
            if len(place.names) >= 1 and not outer:
                name = place.names[0]
                shapes = tuple(tensors(visit.before.get(name)))
                if shapes and len(place.names) == 1:
                    yield Sighting(visit.order, scope, shapes, name)
                continue
            if len(outer) == len(visits):
                step = outer[position]
                specs = step.inputs if one.role == INPUT else step.outputs
                shapes = tuple(spec.shape for spec in specs)
                yield Sighting(visit.order, scope, shapes, step.path, step.index)

    def _ending_with(self, node: tuple[int, int, int, int]) -> list[Step]:
        """The steps of an expression. A call further down a chain counts from its own line."""
        begun: dict[tuple[int, int], list[Step]] = {}
        for step in self.observed.trace.steps:
            span = step.call_site
            if (
                span is not None
                and span.file == self.file
                and (span.end_line, span.end_column) == node[2:]
            ):
                begun.setdefault((span.line, span.column), []).append(step)
        return next((begun[start] for start in sorted(begun) if start >= node[:2]), [])

    def _alone(
        self, place: Place, written: Sequence[Written], index: int, *, sentence: bool
    ) -> Iterator[Sighting]:
        """The named variable, else the latest value, before or after the next statement.

        A sentence may speak of all that is done below it up to the next gap.
        """
        following, one = place.following, written[index]
        if following is None:
            yield from self._last(place, one)
            return
        for visit in self.observed.visits_of(following.line):
            shapes = [*of_names(one, visit.before, visit.after)]
            if not shapes and goes_through(written) and visit.finished:
                sides = self._sides(place, following, visit, written)
                fitting = next((side for side in sides if all_fit(written, side)), None)
                if fitting is not None:
                    shapes = fitting[index]
            if not shapes:
                shapes += of_targets(place.targets, visit.before)
                if not shapes:  # what stands above did not run, or made no tensor
                    shapes += of_targets(following.names, visit.before)
                if one.role == INPUT:
                    shapes += self._read(following, visit)
                elif visit.finished:
                    made = of_targets(following.targets, visit.after)
                    made += tensors(visit.result) if following.returns else []
                    shapes = [*made, *shapes] if one.role == OUTPUT else [*shapes, *made]
                if not place.targets or not shapes:
                    shapes += of_locals(visit.before)
                if sentence:
                    steps = self._steps_between(following.line, place.paragraph)
                    shapes += [spec.shape for step in steps for spec in step.outputs]
            if shapes:
                name = _first(place.targets) or _first(following.targets)
                yield Sighting(visit.order + 0.25, (CALL, visit.call), tuple(shapes), name)

    def _last(self, place: Place, one: Written) -> Iterator[Sighting]:
        """The named variable, else what the statement above gives: none comes below."""
        for visit in self.observed.visits_of(place.line):
            if visit.finished:
                shapes = [*of_names(one, visit.after, {})]
                shapes = shapes or of_targets(place.targets, visit.after)
                if not shapes and place.returns:
                    shapes = [*tensors(visit.result)]
                if shapes:
                    order, name = visit.order + 0.95, _first(place.targets)
                    yield Sighting(order, (CALL, visit.call), tuple(shapes), name)

    def _sides(
        self, place: Place, following: Place, visit: Visit, written: Sequence[Written]
    ) -> Iterator[list[list[Shape]]]:
        """What `a -> b` may speak of: the statement below a comment, or the one above it."""
        outgoing = of_targets(following.targets, visit.after)
        outgoing += tensors(visit.result) if following.returns else []
        incoming = [*self._read(following, visit)]
        yield [incoming if one.role == INPUT else outgoing for one in written]
        above = [v for v in self.observed.visits_of(place.line) if v.call == visit.call]
        earlier = [v for v in above if v.finished and v.order < visit.order]
        if earlier:
            incoming = [*self._read(place, earlier[-1])]
            outgoing = of_targets(place.targets, earlier[-1].after)
            yield [incoming if one.role == INPUT else outgoing for one in written]

    # --- functions

    def _parameters(
        self, place: Place, written: Sequence[Written], index: int
    ) -> Iterator[Sighting]:
        if goes_out(written, index):
            yield from self._results(place, written, index)
            return
        for call in self._calls(place):
            named = [name for name in place.targets if name in call.arguments]
            name, value = chosen(named, call.arguments, written, index)
            shapes = tuple(tensors(value))
            if shapes:
                yield Sighting(_started(call, self.observed), (CALL, call.number), shapes, name)

    def _results(self, place: Place, written: Sequence[Written], index: int) -> Iterator[Sighting]:
        for call in self._calls(place):
            if call.finished:
                shapes = tuple(tensors(call.result))
                outputs = [one for one in written if one.role != INPUT]
                if written[index] in outputs and len(outputs) == len(shapes):
                    shapes = (shapes[outputs.index(written[index])],)
                if shapes:
                    order = _ended(call, self.observed)
                    yield Sighting(order, (CALL, call.number), shapes, "return")

    def _calls(self, place: Place) -> Iterator[Call]:
        return (call for call in self.observed.calls if call.line == place.line)

    def _steps_between(self, first: int, last: int) -> Iterator[Step]:
        for step in self.observed.trace.steps:
            span = step.call_site
            if span is not None and span.file == self.file and first <= span.line <= last:
                yield step

    def _last_step(self, place: Place) -> int | None:
        steps = list(self._steps_between(place.line, place.end_line))
        return max((step.index for step in steps if not step.is_composite), default=None)


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""


def _inside(step: Step, steps: Sequence[Step]) -> bool:
    return step.parent in {other.index for other in steps}


def _started(call: Call, observed: Observed) -> float:
    return min((v.order for v in observed.visits if v.call == call.number), default=0) - 0.25


def _ended(call: Call, observed: Observed) -> float:
    return max((v.order for v in observed.visits if v.call == call.number), default=0) + 0.9


def by_order(found: Mapping[int, Sequence[Sighting]]) -> list[tuple[int, Sighting]]:
    """All sightings of several shapes in the order in which they happened."""
    flat = [(key, sighting) for key, sightings in found.items() for sighting in sightings]
    return sorted(flat, key=lambda pair: pair[1].order)
