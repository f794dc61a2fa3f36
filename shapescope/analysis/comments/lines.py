"""The lines of a source as Python counts them: a form feed ends none."""

from __future__ import annotations

import re

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines_of(source: str) -> list[str]:
    """The lines, each with what ends it."""
    return _LINE.findall(source)


def bare_lines_of(source: str) -> list[str]:
    """The lines without what ends them."""
    return [line.rstrip("\r\n") for line in lines_of(source)]
