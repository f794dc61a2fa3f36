"""The user's source as syntax: expressions under a span, calls and their arguments, origins."""

from __future__ import annotations

from shapescope.analysis.code.calls import CallSource, call_at, operand_texts
from shapescope.analysis.code.origins import Origin, origins_of, value_of
from shapescope.analysis.code.owners import constructor_of
from shapescope.analysis.code.signatures import SIGNATURES
from shapescope.analysis.code.source import Code, code_of, expression_at

__all__ = [
    "SIGNATURES",
    "CallSource",
    "Code",
    "Origin",
    "call_at",
    "code_of",
    "constructor_of",
    "expression_at",
    "operand_texts",
    "origins_of",
    "value_of",
]
