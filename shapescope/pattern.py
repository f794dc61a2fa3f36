"""Shapes written down in code: `x = expect(x, "N 16 H/4 W/4")`.

A pattern has one word for each axis: a number, a name, or arithmetic of both (`H/4`, `2*C`,
`H//2 - 1`); `_` is any size and `...` any number of axes. A name takes the size where it stands
alone for the first time in a call of a function, and has to keep it in that call. Nothing is
computed and no tensor is touched, so it works on any device, under `torch.export` and on meta, and
leaves no step in a trace.
"""

from __future__ import annotations

import ast
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Names: TypeAlias = dict[str, Any]

_enabled = os.environ.get("SHAPESCOPE_EXPECT", "1") not in ("0", "off", "false")
_KEPT = 64


class ShapeMismatchError(AssertionError):
    """A tensor has another shape than the code says."""


def expect(tensor: T, pattern: str) -> T:
    """Check the shape of `tensor` against `pattern` and give the tensor back.

    Args:
        tensor: anything with a `shape`.
        pattern: a word for each axis, as told in this module's description.

    Raises:
        ShapeMismatchError: naming the axis, the size that is wanted and the one that arrives.
        ValueError: a pattern that cannot be read.
    """
    if _enabled:
        check(tuple(tensor.shape), pattern, _names_of(sys._getframe(1)))  # type: ignore[attr-defined]
    return tensor


@contextmanager
def expecting(enabled: bool) -> Iterator[None]:
    """Switch `expect` on or off inside; SHAPESCOPE_EXPECT=0 switches it off for a process."""
    global _enabled
    before, _enabled = _enabled, enabled
    try:
        yield
    finally:
        _enabled = before


def check(shape: tuple[Any, ...], pattern: str, names: Names) -> None:
    """Hold `shape` against `pattern`; `names` has the sizes known so far and takes new ones.

    Raises:
        ShapeMismatchError: the first axis that does not fit.
        ValueError: a pattern that cannot be read.
    """
    words = _words(pattern)
    count = len(shape)
    if "..." in words:
        gap = words.index("...")
        missing = count - (len(words) - 1)
        fits = missing >= 0
        words = (*words[:gap], *("_",) * missing, *words[gap + 1 :])
    else:
        fits = len(words) == count
    if not fits:
        raise ShapeMismatchError(
            f"`{pattern}` has {len(_words(pattern))} axes, {_text(shape)} has {count}"
        )
    # Names that stand alone first: `H/4` may come before the `H` it is made of.
    for axis, word in enumerate(words):
        if word != "_" and word.isidentifier():
            wanted = names.setdefault(word, shape[axis])
            _compare(shape, axis, word, wanted, pattern)
    for axis, word in enumerate(words):
        if word == "_" or word.isidentifier():
            continue
        _compare(shape, axis, word, _value(word, names, pattern), pattern)


def _compare(shape: tuple[Any, ...], axis: int, word: str, wanted: Any, pattern: str) -> None:
    if shape[axis] != wanted:
        named = f"{word} = {wanted}" if str(wanted) != word else word
        raise ShapeMismatchError(
            f"axis {axis} is {shape[axis]}, not {named}: {_text(shape)} against `{pattern}`"
        )


def _text(shape: tuple[Any, ...]) -> str:
    return " x ".join(map(str, shape)) or "a scalar"


@lru_cache(maxsize=1024)
def _words(pattern: str) -> tuple[str, ...]:
    """The words of a pattern; blanks or commas between them, blanks around operators allowed."""
    text = pattern.replace(",", " ")
    for sign in ("//", "/", "*", "+", "-"):
        text = f"{sign}".join(part.strip() for part in text.split(sign))
    words = tuple(text.split())
    if words.count("...") > 1:
        raise ValueError(f"`{pattern}` has more than one `...`")
    return words


@lru_cache(maxsize=1024)
def _parsed(word: str, pattern: str) -> ast.expr:
    try:
        return ast.parse(word, mode="eval").body
    except SyntaxError:
        raise ValueError(f"`{word}` in `{pattern}` is no arithmetic of sizes") from None


def _value(word: str, names: Names, pattern: str) -> Any:
    return _evaluate(_parsed(word, pattern), word, names, pattern)


def _evaluate(node: ast.expr, word: str, names: Names, pattern: str) -> Any:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            if name not in names:
                raise ValueError(f"`{name}` in `{pattern}` has no size yet; name its axis first")
            return names[name]
        case ast.BinOp(left=left, op=op, right=right):
            a = _evaluate(left, word, names, pattern)
            b = _evaluate(right, word, names, pattern)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div() | ast.FloorDiv():
                    return a // b
    raise ValueError(f"`{word}` in `{pattern}` is no arithmetic of sizes")


# The names of each call that is under way. Frames cannot be referred to weakly, and holding one
# would hold its tensors, so a call is known by the identity of its frame and its code. Memory is
# used again: the same place in the code or an earlier one is taken for a new call, or for the next
# round of a loop, and names start afresh.
_calls: OrderedDict[int, tuple[CodeType, int, Names]] = OrderedDict()


def _names_of(frame: FrameType) -> Names:
    key, place = id(frame), frame.f_lasti
    known = _calls.get(key)
    if known is not None and known[0] is frame.f_code and known[1] < place:
        names = known[2]
    else:
        names = {}
    _calls[key] = (frame.f_code, place, names)
    _calls.move_to_end(key)
    while len(_calls) > _KEPT:
        _calls.popitem(last=False)
    return names
