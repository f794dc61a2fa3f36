"""A page of the documentation as text for a terminal."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"(?m)^<!--.*-->\n")
_FENCED = re.compile(r"(?ms)^```\w*\n(.*?)^```\n")
_OMITTED = re.compile(r"(?m)^\.\.\.\n")


def page_text(markdown: str) -> str:
    """The page without what only its tools read: comments, fences, marks of omitted output."""
    text = _COMMENT.sub("", markdown)
    return _FENCED.sub(lambda found: _indented(_OMITTED.sub("", found[1])), text)


def first_sentence(markdown: str) -> str:
    """What the page is about: the first line below its title."""
    lines = (line for line in markdown.splitlines() if line and not line.startswith(("#", "<!--")))
    return next(lines, "")


def _indented(code: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in code.splitlines())
