"""For which sizes a trace with open axes holds: what the way through the model asks of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from shapescope.analysis.sizes.regions import Region, region_of
from shapescope.analysis.sizes.witness import find
from shapescope.arithmetic.expressions import (
    BATCH,
    Comparison,
    Condition,
    Expr,
    Junction,
    SizeSet,
    above,
    at_least,
    equal,
    unequal,
    where,
)
from shapescope.capture.open_formulas import translated
from shapescope.capture.sizes.sizer import Sizer

_MOST = 12
"""Conditions that are told; nobody reads more."""

_DRAWN, _LARGEST = 20, 600
"""How many sizes are looked at, and how large they are."""


def asked_of(sizer: Sizer, left_open: Collection[str]) -> list[Condition] | None:
    """What our own pass with formulas asks of the open axes; None where it does not understand.

    It knows what a layer needs. PyTorch's engine also asks what it needs for itself, such as a
    size above 1 for strides that differ, and leaves out that a map must not be empty.
    """
    passage = sizer.passage_as_asked(left_open)
    if not passage.fits or passage.doubts or passage.pinned:
        return None
    return [decision.condition for decision in passage.decisions]


def asked_by_engine(env: Any, symbol_names: dict[str, str]) -> list[Condition]:
    """What PyTorch's engine asked of the open axes."""
    found = []
    for guard in env.guards:
        relation = _RELATIONS.get(type(guard.expr).__name__)
        if relation is None:
            continue
        left, right = (translated(side, symbol_names) for side in guard.expr.args)
        if left is not None and right is not None:
            found.append(relation(left, right))
    return found


def binding(
    own: Sequence[Condition] | None, engine: Iterable[Condition], axes: Sequence[str]
) -> list[Condition]:
    """The conditions under which the trace holds, of what both passes asked.

    Where our own pass understands the model, its conditions do, and of the engine's those that
    fix a size which the model leaves open: a recurrent layer is unrolled for one length. Where it
    does not, the engine's do, but for what only its strides and batches need.
    """
    if own is None:
        return [one for one in engine if BATCH not in one.names and not _is_unequal(one)]
    kept = list(own)
    samples = _samples(region_of(kept, axes))
    for one in sorted(filter(_is_equal, engine), key=lambda one: (len(one.names), len(one.text))):
        if not all(map(one.evaluate, samples)):
            kept.append(one)
            samples = _samples(region_of(kept, axes))
    return kept


def _is_equal(condition: Condition) -> bool:
    return isinstance(condition, Comparison) and condition.is_zero and not condition.negated


def _is_unequal(condition: Condition) -> bool:
    return isinstance(condition, Comparison) and condition.is_zero and condition.negated


def _samples(region: Region) -> list[dict[str, int]]:
    """Sizes that the model takes, at which to see whether a condition asks for more."""
    draw = random.Random(0)
    found = []
    for _ in range(_DRAWN):
        drawn = {axis: draw.randint(2, _LARGEST) for axis in region.sets}
        near = find(region, drawn).sizes
        if near is not None:
            found.append(dict(near))
    return found


_RELATIONS: dict[str, Callable[[Expr, Expr], Condition]] = {
    "Equality": equal,
    "Unequality": unequal,
    "GreaterThan": at_least,
    "StrictGreaterThan": above,
    "LessThan": lambda a, b: at_least(b, a),
    "StrictLessThan": lambda a, b: above(b, a),
}


def holds_where(conditions: Iterable[Condition], axes: Sequence[str]) -> list[str]:
    """The conditions as one note, of each axis the limits that bind; none if there are none."""
    flat = list(_flat(conditions))
    region = region_of(flat, axes)
    texts = []
    for axis, sizes in region.sets.items():
        if not sizes.is_full:
            own = [one for one in flat if one.names == {axis}]
            texts += _limits(axis, sizes, own)
    texts += sorted(one.text for one in region.coupled)
    if not texts:
        return []
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return [f"holds where {', '.join(texts[:_MOST])}{more}"]


def _limits(axis: str, sizes: SizeSet, own: Sequence[Condition]) -> list[str]:
    """`H >= 14`, `H == 224` or `H % 32 == 0` where one range says it, else the conditions."""
    ranges = sizes.ranges()
    allowed = [where(one, axis) for one in own]
    ends = any(found.is_finite and found.known_to is None for found in allowed)
    if len(ranges) != 1 or (sizes.known_to is not None and not ends):
        return list(dict.fromkeys(one.text for one in own))
    first, last, step = ranges[0]
    if first == last:
        return [f"{axis} == {first}"]
    texts = [f"{axis} >= {first}"] if first > (2 if axis == BATCH else step) else []
    if step > 1:
        texts.append(f"{axis} % {step} == {first % step}")
    return texts if last is None else [*texts, f"{axis} <= {last}"]


def _flat(conditions: Iterable[Condition]) -> Iterable[Condition]:
    for condition in conditions:
        if isinstance(condition, Junction) and condition.every:
            yield from _flat(condition.parts)
        elif condition.names:
            yield condition
