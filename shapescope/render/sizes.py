"""The answer of `shapescope sizes` as text."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.arithmetic.expressions import Range
from shapescope.render.line import Line, cells, wrapped
from shapescope.render.shapes import printable, several_text, shape_text
from shapescope.render.theme import Surface
from shapescope.valid_sizes import Given, Part, Reason, ValidSizes

_SEQUENCE = 3
"""How many sizes of a sequence are written out."""

_LONGEST = 400
"""Characters of a condition that somebody may still read."""


def sizes_lines(found: ValidSizes, surface: Surface) -> list[Line]:
    """What fits, what it was built for, why, and what comes out."""
    lines = [_heading(found), Line()]
    lines += _fits(found, surface)
    if found.built_for:
        lines.append(Line("  built for  ", "faint").add(_sizes_text(found.built_for), "heading"))
    if found.axes and found.without_batch is None:
        lines.append(_asked(found, surface))
    if found.reasons:
        lines += [Line(), Line("why", "faint")]
        for reason in found.reasons:
            lines += _reason(reason, found, surface)
    if found.gives and found.axes:
        lines += [Line(), *_table(found.gives)]
    lines.append(Line())
    lines += wrapped(_certainty(found), surface.width, style="faint")
    return lines


def _heading(found: ValidSizes) -> Line:
    names = {(free.input, free.axis): free.name for free in found.axes}
    shown = []
    for number, spec in enumerate(found.inputs):
        shape = tuple(names.get((number, axis), size) for axis, size in enumerate(spec.shape))
        label = f"{spec.name} " if spec.name else ""
        shown.append(f"{label}{shape_text(shape)}")
    return Line(printable(found.model), "heading").add("  " + ", ".join(shown), "shape")


def _fits(found: ValidSizes, surface: Surface) -> list[Line]:
    head = "  fits       "
    if found.without_batch is not None:
        said = f"no size keeps the batch as axis 0: {shape_text(found.without_batch)} comes out"
        return [Line(head, "faint").add(said, "mismatch")]
    if not found.valid:
        return [Line(head, "faint").add("no size", "mismatch")]
    lines: list[Line] = []
    for part in found.valid:
        texts = part_texts(part)
        first = texts[0] if texts else ("any size" if found.axes else "the size it has")
        lines.append(Line(head, "faint").add(first, "match"))
        head = " " * (cells(head) - 3) + "or "
        lines += [Line(" " * cells(head)).add(text, "match") for text in texts[1:]]
    square = found.ranges_if_square
    coupled = any(part.where for part in found.valid) or len(found.valid) > 1
    if square is not None and coupled and len(found.axes) > 1:
        text = ranges_text(square) if square else "none"
        lines.append(Line("  if square  ", "faint").add(text))
    return lines


def part_texts(part: Part) -> list[str]:
    """A part in words, a line for each axis or condition; axes with the same sizes together."""
    texts: list[str] = []
    by_ranges: dict[tuple[Range, ...], list[str]] = {}
    for axis, ranges in part.ranges.items():
        by_ranges.setdefault(ranges, []).append(axis)
    for ranges, axes in by_ranges.items():
        texts.append(f"{_and(axes)} {ranges_text(ranges)}")
    return [*(_readable(condition.text) for condition in part.where), *texts]


def _readable(condition: str) -> str:
    if len(condition) <= _LONGEST:
        return condition
    return f"a condition of {len(condition):,} characters, which --format json has whole"


def ranges_text(ranges: Sequence[Range]) -> str:
    """`32 to 35`, `from 16`, `16, 32, 48, ... (multiples of 16)`, joined by commas."""
    return "; ".join(_range_text(*one) for one in ranges) or "none"


def _range_text(first: int, last: int | None, step: int) -> str:
    if last == first:
        return str(first)
    if step == 1:
        return f"from {first}" if last is None else f"{first} to {last}"
    some = [first + step * position for position in range(_SEQUENCE)]
    rule = f"multiples of {step}" if first % step == 0 else f"{step}*k + {first % step}"
    if last is None:
        return f"{', '.join(map(str, some))}, ... ({rule})"
    if first + step * _SEQUENCE >= last:
        return ", ".join(map(str, range(first, last + 1, step)))
    return f"{', '.join(map(str, some))}, ..., {last} ({rule})"


def _and(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _sizes_text(sizes: object) -> str:
    assert isinstance(sizes, dict)
    if set(sizes) == {"H", "W"}:
        return f"{sizes['H']} x {sizes['W']}"
    return ", ".join(f"{axis} = {size}" for axis, size in sizes.items())


def _asked(found: ValidSizes, surface: Surface) -> Line:
    glyphs = surface.glyphs
    text = _sizes_text(dict(found.as_asked))
    line = Line("  asked for  ", "faint").add(f"{text}  ")
    if found.as_asked_fits:
        return line.add(f"{glyphs.match} fits", "match")
    return line.add(f"{glyphs.mismatch} does not fit", "mismatch")


def _reason(reason: Reason, found: ValidSizes, surface: Surface) -> list[Line]:
    lines = wrapped(f"{_and(reason.axes)}: {printable(reason.text)}", surface.width - 2, first="  ")
    place = next((label.span for label in reason.labels if label.primary), None)
    where = "" if place is None else f"  ({place.file}:{place.line})"
    detail = f"{_readable(reason.condition)}{where}"
    return [*lines, *wrapped(detail, surface.width - 4, first="     ", style="faint")]


def _table(rows: Sequence[Given]) -> list[Line]:
    axes = list(rows[0].sizes)
    title = " x ".join(axes)
    left = [" x ".join(str(size) for size in row.sizes.values()) for row in rows]
    width = max(map(len, (title, *left)))
    lines = [Line(f"  {title:<{width}}  output", "faint")]
    for text, row in zip(left, rows, strict=True):
        outputs = several_text([shape_text(shape) for shape in row.outputs])
        lines.append(Line(f"  {text:<{width}}  ").add(outputs, "shape"))
    return lines


def _certainty(found: ValidSizes) -> str:
    if found.searched_to is None:
        batches = "every batch of 2 or more" if found.for_every_batch else "batches of 2 and 3"
        said = f"proven for every size and {batches}"
    else:
        said = f"tried for sizes up to {found.searched_to}; beyond, nothing is said"
    return "; ".join((said, *found.notes))
