"""For which sizes a trace with open axes holds: what the way through the model asks of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from shapescope.analysis.sizes.regions import region_of
from shapescope.arithmetic.expressions import Condition, Junction, SizeSet, at_least, equal, unequal
from shapescope.arithmetic.expressions.conditions import above
from shapescope.capture.open_formulas import translated
from shapescope.capture.sizes.sizer import Sizer

_MOST = 12
"""Conditions that are told; nobody reads more."""


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
    """What PyTorch's engine asked of the open axes, without what only strides and batches need."""
    found = []
    for guard in env.guards:
        relation = _RELATIONS.get(type(guard.expr).__name__)
        if relation is None:
            continue
        left, right = (translated(side, symbol_names) for side in guard.expr.args)
        if left is not None and right is not None:
            condition = relation(left, right)
            if "N" not in condition.names and "!=" not in condition.text:
                found.append(condition)
    return found


_RELATIONS = {
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
    """`H >= 14` or `H == 224` where the sizes are a plain range, else the conditions."""
    ranges = sizes.ranges()
    if sizes.known_to is not None or len(ranges) != 1 or ranges[0][2] != 1:
        return list(dict.fromkeys(one.text for one in own))
    first, last, _ = ranges[0]
    if first == last:
        return [f"{axis} == {first}"]
    low = [f"{axis} >= {first}"] if first > 1 else []
    return low if last is None else [*low, f"{axis} <= {last}"]


def _flat(conditions: Iterable[Condition]) -> Iterable[Condition]:
    for condition in conditions:
        if isinstance(condition, Junction) and condition.every:
            yield from _flat(condition.parts)
        elif condition.names:
            yield condition
