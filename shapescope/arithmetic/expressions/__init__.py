"""Expressions and conditions on named axes, and the sets of sizes for which they hold."""

from __future__ import annotations

from shapescope.arithmetic.expressions.atoms import BATCH, Scaled
from shapescope.arithmetic.expressions.bounds import Facts, interval, is_zero
from shapescope.arithmetic.expressions.conditions import (
    NO,
    YES,
    Always,
    Comparison,
    Condition,
    Junction,
    above,
    at_least,
    equal,
    every,
    junction,
    negation,
    some,
    unequal,
)
from shapescope.arithmetic.expressions.evaluation import compiled
from shapescope.arithmetic.expressions.exact import Exact
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.growth import Horizon, horizon
from shapescope.arithmetic.expressions.judging import learn, settled, without_settled
from shapescope.arithmetic.expressions.maxima import extreme
from shapescope.arithmetic.expressions.parse import parse_condition, parse_expression
from shapescope.arithmetic.expressions.rewriting import given_equalities, renamed, rewritten
from shapescope.arithmetic.expressions.sizesets import (
    Range,
    SizeSet,
    everything,
    nothing,
    of_sizes,
    where,
)
from shapescope.arithmetic.expressions.terms import Expr, as_expr, name, number, of_atom

__all__ = [
    "BATCH",
    "NO",
    "YES",
    "Always",
    "Comparison",
    "Condition",
    "Exact",
    "Expr",
    "Facts",
    "Horizon",
    "Junction",
    "Range",
    "Scaled",
    "SizeSet",
    "above",
    "as_expr",
    "at_least",
    "compiled",
    "equal",
    "every",
    "everything",
    "expanded",
    "extreme",
    "given_equalities",
    "horizon",
    "interval",
    "is_zero",
    "junction",
    "learn",
    "name",
    "negation",
    "nothing",
    "number",
    "of_atom",
    "of_sizes",
    "parse_condition",
    "parse_expression",
    "renamed",
    "rewritten",
    "settled",
    "some",
    "unequal",
    "where",
    "without_settled",
]
