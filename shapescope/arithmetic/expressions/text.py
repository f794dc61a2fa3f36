"""How expressions are written: what comes first, and what needs brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from shapescope.arithmetic.expressions.atoms import Product
    from shapescope.arithmetic.expressions.terms import Expr

Form: TypeAlias = Literal["whole", "quotient", "remainder", "sum"]
"""How a factor looks: a `whole` one never needs brackets."""

_PAIRS = ("quotient", "remainder")


def sum_text(terms: tuple[tuple[Product, int], ...], constant: int) -> str:
    """A sum of products and a constant as it is written."""
    text = ""
    for product, coefficient in sorted(terms, key=lambda item: item[1] < 0):
        piece = _product_text(product, abs(coefficient))
        if text:
            text += f" - {piece}" if coefficient < 0 else f" + {piece}"
        elif coefficient < 0:
            # -a//b would be (-a)//b
            loose = coefficient == -1 and len(product) == 1 and product[0].form in _PAIRS
            text = f"-({piece})" if loose else f"-{piece}"
        else:
            text = piece
    if not text:
        return str(constant)
    if constant:
        text += f" - {-constant}" if constant < 0 else f" + {constant}"
    return text


def _product_text(product: Product, coefficient: int) -> str:
    alone = len(product) == 1 and coefficient == 1
    pieces = [] if coefficient == 1 else [str(coefficient)]
    for factor in product:
        bare = factor.form == "whole" or (alone and factor.form != "sum")
        pieces.append(factor.text if bare else f"({factor.text})")
    return "*".join(pieces)


def operand(expr: Expr, tight: bool = False) -> str:
    """The text of an operand of `//`, `%` or `*`, in brackets where it needs them.

    `tight` is the right operand, where `//` and `%` do not associate.
    """
    if not expr.terms:
        return expr.text if expr.constant >= 0 else f"({expr.text})"
    (product, coefficient), *more = expr.terms
    single = not more and not expr.constant and coefficient == 1 and len(product) == 1
    if not single:
        return f"({expr.text})"
    if product[0].form == "whole":
        return expr.text
    return f"({expr.text})" if tight or product[0].form == "remainder" else expr.text
