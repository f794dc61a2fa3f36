"""The patterns of shapes: in brackets, crossed (`N x 3`), listed (`N, 3`), `N * 3 * 4`."""

from __future__ import annotations

import re

from shapescope.analysis.comments.words import ARROW, NAME

_OPERATOR = r"(?://|[*/+-])"
_ATOM = rf"(?:\d+{NAME}|\d+|{NAME})"
_WORDS = rf"(?:\d+{NAME}|\d+|{NAME}(?: {NAME}){{0,3}})"
_ANYTHING = r"-1|None|\?|\*|\.\.\.|…|:|_"


def _sum_of(atom: str, blank: str) -> str:
    """Arithmetic of atoms; `blank` is what may stand around an operator outside brackets."""
    inner = rf"\(\s*{atom}(?:\s*{_OPERATOR}\s*{atom})*\s*\)"
    term = rf"(?:{inner}|{atom})"
    return rf"{term}(?:{blank}{_OPERATOR}{blank}{term})*"


ITEM = rf"(?:{_ANYTHING}|{_sum_of(_ATOM, chr(92) + 's*')})"
LONG_ITEM = rf"(?:{_ANYTHING}|{_sum_of(_WORDS, chr(92) + 's*')})"
_CROSS_ITEM = rf"(?:-1|\?|\*|{_sum_of(_ATOM, '')})"
CROSSED = (
    rf"{_CROSS_ITEM}(?:\s+[x×]\s+{_CROSS_ITEM})+(?!\s+[x×]\s)|"
    r"(?:\d+[A-Z]?|[A-Za-z])(?:/\d+)?(?:[x×](?:\d+[A-Z]?|[A-Za-z])(?:/\d+)?)+"
)
_COMMAS = rf"{LONG_ITEM}(?:\s*,\s*{LONG_ITEM})*\s*,?"
BRACKETED = re.compile(
    rf"(?P<size>torch\.Size\(\s*)?(?P<open>[\[(])\s*(?P<body>{_COMMAS}|{CROSSED})\s*(?P<close>[\])])"
    r"(?P<end>(?(size)\s*\)))"
)
PLAIN_CROSSED = re.compile(
    rf"(?<![\w.@*/+'-])(?:(?P<maps>\d+)@)?(?P<body>{CROSSED})(?![\w.@*/'^²])"
)
PLAIN_LIST = re.compile(
    rf"(?:^|{ARROW}|[:=;]|\bshape|\bsize|\boutput|\binput)\s*"
    rf"(?P<body>{ITEM}(?:\s*,\s*{ITEM})+)(?=\s*(?:$|{ARROW}|[;#(]|\s[-–]\s))"
)
TIMES = re.compile(rf"(?<![\w)*/.])(?P<body>{NAME}(?:\s+\*\s+\d+){{2,}})(?![\w*/.])")
