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
    rf"(?<![\w.@*/+'-])(?:(?P<maps>\d+)\s?@\s?)?(?P<body>{CROSSED})(?![\w.@*/'^²])"
)
# `64@96*96`; without the maps in front a star multiplies.
MAPS_TIMES = re.compile(r"(?<![\w.@*/+'-])(?P<maps>\d+)\s?@\s?(?P<body>\d+\*\d+)(?![\w.@*/'^²])")
# `28*28 -> 14*14`, `784 -> 128`: all that is said.
SIZES_CHANGE = re.compile(
    rf"^\s*(?P<first>\d+(?:\*\d+)*)\s*{ARROW}\s*(?P<body>\d+(?:\*\d+)*)\s*(?:$|[,;(#])"
)
PLAIN_LIST = re.compile(
    rf"(?:^|{ARROW}|[:=;]|\bshape|\bsize|\boutput|\binput)\s*"
    rf"(?P<body>{ITEM}(?:\s*,\s*{ITEM})+)(?=\s*(?:$|{ARROW}|[;#(]|\s[-–]\s))"
)
TIMES = re.compile(rf"(?<![\w)*/.])(?P<body>{NAME}(?:\s+\*\s+\d+)+)(?!\s*[\w*/.])")
