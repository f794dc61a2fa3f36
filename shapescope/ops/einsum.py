"""The shape and the multiply-adds of an einsum, from its equation."""

from __future__ import annotations

from math import prod

Ints = tuple[int, ...]


def _labels(equation: str, shapes: tuple[Ints, ...]) -> tuple[list[list[str]], list[str]] | None:
    """A label for each axis of each operand and of the output; axes under `...` get numbers."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        return None
    free = [
        len(sizes) - len(term) + 3
        for term, sizes in zip(terms, shapes, strict=True)
        if "..." in term
    ]
    widest = max(free, default=0)
    spread = [str(number) for number in range(widest)]
    operands = []
    for term, sizes in zip(terms, shapes, strict=True):
        before, dots, after = term.partition("...")
        count = len(sizes) - len(before) - len(after)
        if count < 0 or (count and not dots):
            return None
        operands.append([*before, *(spread[widest - count :] if count else ()), *after])
    if arrow:
        before, dots, after = right.partition("...")
        return operands, [*before, *(spread if dots else ()), *after]
    seen = [label for operand in operands for label in operand]
    once = sorted(label for label in set(seen) if seen.count(label) == 1 and label.isalpha())
    return operands, [*spread, *once]


def _sizes(operands: list[list[str]], shapes: tuple[Ints, ...]) -> dict[str, int] | None:
    sizes: dict[str, int] = {}
    for labels, given in zip(operands, shapes, strict=True):
        for label, n in zip(labels, given, strict=True):
            known = sizes.get(label, 1)
            if known != 1 and n not in (1, known):
                return None
            sizes[label] = n if known == 1 else known
    return sizes


def einsum_shape(equation: str, shapes: tuple[Ints, ...]) -> Ints | None:
    """The shape of the output, or None where equation and shapes do not fit."""
    found = _labels(equation, shapes)
    if found is None:
        return None
    sizes = _sizes(found[0], shapes)
    if sizes is None or any(label not in sizes for label in found[1]):
        return None
    return tuple(sizes[label] for label in found[1])


def einsum_refusal(equation: str, shapes: tuple[Ints, ...]) -> str | None:
    """Why equation and shapes do not fit, or None."""
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    if len(terms) != len(shapes):
        return f"{equation} speaks of {len(terms)} operands, but {len(shapes)} are given"
    for term, sizes in zip(terms, shapes, strict=True):
        letters = len(term.replace("...", ""))
        if letters > len(sizes) or (letters < len(sizes) and "..." not in term):
            return f"{term} names {letters} axes, but the operand has {len(sizes)}"
    found = _labels(equation, shapes)
    if found is None:
        return None
    seen: dict[str, int] = {}
    for labels, sizes in zip(found[0], shapes, strict=True):
        for label, n in zip(labels, sizes, strict=True):
            known = seen.setdefault(label, n)
            if known != n and 1 not in (known, n):
                return f"axis {label} is {known} in one operand, but {n} in another"
            seen[label] = n if known == 1 else known
        for label, n in zip(labels, sizes, strict=True):
            first = sizes[labels.index(label)]
            if first != n:
                return f"axis {label} is {first} and {n} in one operand"
    return None


def einsum_axes(
    equation: str, shapes: tuple[Ints, ...]
) -> tuple[tuple[int | None, ...], ...] | None:
    """For each operand: which of its axes each axis of the output is."""
    found = _labels(equation, shapes)
    if found is None:
        return None
    operands, output = found
    return tuple(
        tuple(labels.index(label) if label in labels else None for label in output)
        for labels in operands
    )


def einsum_macs(equation: str, shapes: tuple[Ints, ...]) -> int | None:
    """Multiply-adds when the operands are contracted from left to right, as torch does.

    A product that sums over nothing is an elementwise one and has none; an axis that only one of
    two operands has and that no later one needs is summed before the product.
    """
    found = _labels(equation, shapes)
    if found is None:
        return None
    operands, output = found
    if _sizes(operands, shapes) is None:
        return None
    left = _dimensions(operands[0], shapes[0])
    total = 0
    for position in range(1, len(operands)):
        right = _dimensions(operands[position], shapes[position])
        needed = {*output, *(label for later in operands[position + 1 :] for label in later)}
        summed = {
            label
            for label in {*left, *right} - needed
            if left.get(label, 1) != 1 and right.get(label, 1) != 1
        }
        alone = {*left, *right} - needed - summed
        sizes = {
            label: max(left.get(label, 1), right.get(label, 1))
            for label in {**left, **right}
            if label not in alone
        }
        if summed:
            total += prod(sizes.values())
        left = {label: n for label, n in sizes.items() if label not in summed}
    return total


def _dimensions(labels: list[str], sizes: Ints) -> dict[str, int]:
    return dict(zip(labels, sizes, strict=True))
