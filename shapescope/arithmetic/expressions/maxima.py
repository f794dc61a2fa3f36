"""The largest and the smallest of several expressions."""

from __future__ import annotations

from collections.abc import Iterable

from shapescope.arithmetic.expressions.atoms import Extreme, is_at_least
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.terms import Expr, of_atom


def extreme(items: Iterable[Expr], *, largest: bool) -> Expr:
    """The largest or smallest of the expressions; what can never be it is left out.

    Raises:
        ValueError: there are none.
    """
    flat: list[Expr] = []
    for item in items:
        atom = item.terms[0][0][0] if len(item.terms) == 1 else None
        nested = isinstance(atom, Extreme) and atom.largest == largest and item == of_atom(atom)
        flat.extend(atom.items if nested and isinstance(atom, Extreme) else (item,))
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


def _never_beyond(item: Expr, other: Expr, largest: bool) -> bool:
    return is_at_least(expanded(other - item if largest else item - other), 0)
