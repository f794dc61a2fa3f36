"""For which sizes a trace with open axes holds: what the way through the model asks of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from shapescope.analysis.sizes.regions import Region, region_of
from shapescope.arithmetic.expressions import (
    BATCH,
    Comparison,
    Condition,
    Expr,
    Facts,
    Junction,
    SizeSet,
    above,
    at_least,
    equal,
    name,
    number,
    parse_expression,
    renamed,
    settled,
    unequal,
    where,
)
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.capture.open_axes.open_formulas import translated
from shapescope.trace import Trace

_MOST = 12
"""Conditions that are told; nobody reads more."""


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


def guards(engine: Iterable[Condition]) -> list[Condition]:
    """What the engine asked, but for what only its strides and batches need."""
    return [
        one
        for one in engine
        if is_equality(one)
        or not (BATCH in one.names or (isinstance(one, Comparison) and one.negated))
    ]


def windows_fit(trace: Trace) -> list[Condition]:
    """That every window fits its map, which the engine leaves open."""
    sizes = {
        size: None
        for step in trace.steps
        if isinstance(step.attrs, ConvAttrs | PoolAttrs)
        for spec in step.outputs
        for size in spec.shape
        if isinstance(size, str)
    }
    read = [_read(size) for size in sizes]
    return [at_least(size, number(1)) for size in read if size is not None]


def _read(text: str) -> Expr | None:
    """The formula; None where it has something that ours have not."""
    try:
        return parse_expression(text)
    except ValueError:
        return None


def is_equality(condition: Condition) -> bool:
    """Whether it fixes a size, or ties it to others."""
    return isinstance(condition, Comparison) and condition.is_zero and not condition.negated


_RELATIONS: dict[str, Callable[[Expr, Expr], Condition]] = {
    "Equality": equal,
    "Unequality": unequal,
    "GreaterThan": at_least,
    "StrictGreaterThan": above,
    "LessThan": lambda a, b: at_least(b, a),
    "StrictLessThan": lambda a, b: above(b, a),
}


def holds_where(conditions: Iterable[Condition], axes: Sequence[str]) -> tuple[str, ...]:
    """The conditions that bind: limits of each axis, then what several axes are held to."""
    flat = list(_flat(conditions))
    region = region_of(flat, axes)
    texts = []
    for axis, sizes in region.sets.items():
        if not sizes.is_full:
            own = [one for one in flat if one.names == {axis}]
            texts += _limits(axis, sizes, own)
    coupled = {_as_equality(one, region.coupled) for one in region.coupled}
    return (*texts, *sorted(one.text for one in coupled if not _follows(one, region)))


def _as_equality(condition: Condition, others: Collection[Condition]) -> Condition:
    """`H == W` for `H >= W` where `W >= H` is among the others; else the condition itself."""
    if not isinstance(condition, Comparison) or condition.is_zero:
        return condition
    zero = number(0)
    turned = at_least(-condition.expr, zero)
    return equal(condition.expr, zero) if turned in others else condition


def _follows(condition: Condition, region: Region) -> bool:
    """Whether the limits of the single axes leave nothing to ask.

    An axis of which the sizes are every eighth is written as `8*H`, so that all it is divided by
    divides it here as well.
    """
    facts, names = Facts(), {}
    for axis in condition.names & region.sets.keys():
        ranges = region.sets[axis].ranges()
        if len(ranges) == 1 and region.sets[axis].known_to is None:
            first, last, step = ranges[0]
            names[axis] = number(first) if first == last else name(axis) * step + first % step
            facts.learn_at_least(name(axis), first // step)
            if last is not None:
                facts.learn_at_least(-name(axis), -(last // step))
    return settled(renamed(condition, names), facts) is True


def as_note(limits: Sequence[str]) -> list[str]:
    """The conditions as one note; none if there are none."""
    if not limits:
        return []
    more = f" and {len(limits) - _MOST} more" if len(limits) > _MOST else ""
    return [f"holds where {', '.join(limits[:_MOST])}{more}"]


def _limits(axis: str, sizes: SizeSet, own: Sequence[Condition]) -> list[str]:
    """`H >= 14`, `H == 224` or `H % 32 == 0` where one range says it, else the conditions."""
    ranges = sizes.ranges()
    allowed = [where(one, axis) for one in own]
    ends = any(found.is_finite and found.known_to is None for found in allowed)
    if len(ranges) != 1 or (sizes.known_to is not None and not ends):
        return [one.text for one in _needed(own, axis)]
    first, last, step = ranges[0]
    if first == last:
        return [f"{axis} == {first}"]
    texts = [f"{axis} >= {first}"] if first > (2 if axis == BATCH else step) else []
    if step > 1:
        texts.append(f"{axis} % {step} == {first % step}")
    return texts if last is None else [*texts, f"{axis} <= {last}"]


def _needed(conditions: Iterable[Condition], axis: str) -> list[Condition]:
    """Those that rule out a size which the others allow, of the sizes that were looked at.

    The longest goes first: of two that say the same the simpler one is told.
    """
    left = list(dict.fromkeys(conditions))
    for one in sorted(left, key=lambda one: -len(one.text)):
        others = [other for other in left if other is not one]
        rest = region_of(others, (axis,)).sets[axis]
        if (rest & ~where(one, axis)).is_empty:
            left = others
    return left


def _flat(conditions: Iterable[Condition]) -> Iterable[Condition]:
    for condition in conditions:
        if isinstance(condition, Junction) and condition.every:
            yield from _flat(condition.parts)
        elif condition.names:
            yield condition
