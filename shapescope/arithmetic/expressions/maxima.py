"""The largest and the smallest of several expressions."""

from __future__ import annotations

from collections.abc import Iterable

from shapescope.arithmetic.expressions.atoms import Extreme, is_at_least
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.terms import Expr, of_atom, scaled


def extreme(items: Iterable[Expr], *, largest: bool) -> Expr:
    """The largest or smallest of the expressions; what can never be it is left out.

    Raises:
        ValueError: there are none.
    """
    flat: list[Expr] = []
    for item in items:
        flat += opened(item, largest)
    kept: list[Expr] = []
    for item in dict.fromkeys(flat):
        if any(_never_beyond(item, other, largest) for other in kept):
            continue
        kept = [other for other in kept if not _never_beyond(other, item, largest)]
        kept.append(item)
    if not kept:
        raise ValueError("no expression to choose from")
    if len(kept) == 1:
        return kept[0]
    kept.sort(key=lambda item: (item.is_number, item.key))
    return of_atom(Extreme(tuple(kept), largest))


def opened(item: Expr, largest: bool) -> list[Expr]:
    """The expressions of which a maximum among maxima, or a minimum among minima, is made."""
    chosen = lone_extreme(item)
    if chosen is None:
        return [item]
    atom, coefficient, rest = chosen
    if (atom.largest == (coefficient > 0)) != largest:
        return [item]
    return [scaled(one, coefficient) + rest for one in atom.items]


def lone_extreme(expr: Expr) -> tuple[Extreme, int, Expr] | None:
    """The one maximum or minimum among the terms, its coefficient, and the other terms."""
    found: tuple[Extreme, int, Expr] | None = None
    for product, coefficient in expr.terms:
        atom = product[0]
        if isinstance(atom, Extreme) and len(product) == 1:
            if found is not None:
                return None
            found = (atom, coefficient, expr - scaled(of_atom(atom), coefficient))
    return found


def smallest_of(expr: Expr) -> list[Expr] | None:
    """Expressions of which the smallest is 0 where this one is; None if it chooses among none."""
    chosen = lone_extreme(expr)
    if chosen is None:
        return None
    atom, coefficient, rest = chosen
    sign = 1 if atom.largest != (coefficient > 0) else -1
    return [expanded(scaled(scaled(item, coefficient) + rest, sign)) for item in atom.items]


def _never_beyond(item: Expr, other: Expr, largest: bool) -> bool:
    return is_at_least(expanded(other - item if largest else item - other), 0)
