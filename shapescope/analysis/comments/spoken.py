"""Which of the variables at hand a shape written down speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shapescope.analysis.comments.fitting import Names, fit
from shapescope.analysis.comments.notation import INPUT, Written
from shapescope.analysis.comments.observed import Snapshot, Value, Visit, tensors
from shapescope.analysis.comments.places import Place
from shapescope.trace import Shape


def goes_out(written: Sequence[Written], index: int) -> bool:
    """Whether it stands behind the arrow of `x: (B, T) -> (B, C)`."""
    return written[index].role != INPUT and any(one.role == INPUT for one in written[:index])


def goes_through(written: Sequence[Written]) -> bool:
    """Whether it tells what goes in and what comes out."""
    return len(written) > 1 and written[0].role == INPUT


def meant(
    place: Place, visit: Visit, written: Sequence[Written], index: int
) -> tuple[str, Value | None]:
    """The variable that a shape behind a statement speaks of, and its value."""
    if place.returns:
        parts = visit.result
        outputs = [one for one in written if one.role != INPUT]
        if isinstance(parts, list) and len(outputs) == len(parts) > 1:
            return "return", parts[outputs.index(written[index])]
        return "return", parts
    return chosen(place.targets, visit.after, written, index)


def chosen(
    targets: Sequence[str], values: Snapshot, written: Sequence[Written], index: int
) -> tuple[str, Value | None]:
    """The named one of several variables, or all of them in order."""
    known = [name for name in targets if name in values]
    one = written[index]
    for name in one.names:
        if name in known:
            return name, values[name]
    named = {name for other in written for name in other.names if name in known}
    rest = [name for name in known if name not in named]
    unnamed = [other for other in written if other.role != INPUT and not named & set(other.names)]
    if len(unnamed) > 1 and len(unnamed) == len(rest) and one in unnamed:
        name = rest[unnamed.index(one)]
        return name, values[name]
    if len(known) == 1:
        return known[0], values[known[0]]
    return (known[0], [values[name] for name in known]) if known else ("", None)


def of_names(one: Written, before: Snapshot, after: Snapshot) -> Iterator[Shape]:
    """The shapes of the variables that it names itself."""
    for name in one.names:
        for values in (before, after):
            if name in values:
                yield from tensors(values[name])


def of_targets(targets: Sequence[str], values: Snapshot) -> list[Shape]:
    """The shapes of these variables, as far as they are known."""
    return [shape for name in targets if name in values for shape in tensors(values[name])]


def of_locals(values: Snapshot) -> list[Shape]:
    """All shapes at hand but those that belong to the module itself."""
    return [
        shape
        for name, value in values.items()
        if not name.startswith("self.")
        for shape in tensors(value)
    ]


def all_fit(written: Sequence[Written], shapes: Sequence[Sequence[Shape]]) -> bool:
    """Whether each can mean one of its shapes, with names of one size throughout."""
    names: Names = {}
    return all(
        any(fit(one.says, shape, names) is None for shape in seen)
        for one, seen in zip(written, shapes, strict=True)
    )
