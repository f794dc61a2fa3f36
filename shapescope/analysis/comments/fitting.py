"""Whether a shape fits what a comment says of it, and what the names in it come to."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from shapescope.analysis.comments.words import names_only_batch
from shapescope.trace import Shape

Names = dict[str, int | str]
WILD = frozenset({"-1", "None", "?", "*", ":", "_"})
_MULTIPLE = re.compile(
    r"(?P<before>\d+)\s*\*?\s*(?P<name>[A-Za-z_]\w*)|(?P<first>[A-Za-z_]\w*)\s*\*\s*(?P<behind>\d+)"
)
_COUNTED = re.compile(r"[A-Za-z]+_[ijkl]")
_BLANK = re.compile(r"(?<=\w) (?=[A-Za-z_])")
ANY_AXES = frozenset({"...", "…"})


def fit(says: Sequence[str], shape: Shape, names: Names, *, batch: bool = True) -> str | None:
    """None if `shape` is what `says` says, else why not. `names` learns only from what fits.

    Ranks agree, or (with `batch`) axis 0 is left out, unless the first word names it. An integer
    is equal; a name has the value it has, or takes the one it meets; arithmetic is computed;
    `-1`, `?`, `*` fit anything. `sent len` is one name, and `C_i` one that is another from
    time to time.
    """
    says = [_BLANK.sub("_", word) for word in says]
    first: str | None = None
    batch = batch and not (says and names_only_batch(says[0]))
    for offset in (0, 1) if batch and shape else (0,):
        learned = dict(names)
        reason = _fit_axes(says, shape[offset:], learned, offset)
        if reason is None:
            names.update(
                {word: size for word, size in learned.items() if not _COUNTED.fullmatch(word)}
            )
            return None
        if first is None or len(says) == len(shape) - offset:
            first = reason
    return first


def _fit_axes(says: Sequence[str], shape: Shape, names: Names, offset: int) -> str | None:
    gap = next((place for place, word in enumerate(says) if word in ANY_AXES), None)
    if gap is not None:
        behind = len(says) - gap - 1
        if len(shape) < gap + behind:
            return f"rank {len(shape) + offset}, not at least {gap + behind}"
        middle = len(shape) - behind
        says = [*says[:gap], *says[gap + 1 :]]
        axes = [*range(gap), *range(middle, len(shape))]
    else:
        axes = list(range(len(shape)))
        if len(says) != len(shape):
            return f"{len(shape) + offset} axes, not {len(says)}"
    # A name that stands alone takes its size first: `2*C` may come before the `C` it is made of.
    order = sorted(range(len(says)), key=lambda place: not says[place].isidentifier())
    for place in order:
        word, size = says[place], shape[axes[place]]
        if word in WILD:
            continue
        if re.fullmatch(r"[A-Za-z_][\w']*", word):
            if names.setdefault(word, size) != size:
                return f"axis {axes[place] + offset} is {size}, not {word} = {names[word]}"
            continue
        wanted = value_of(word, names)
        if wanted is None:
            reason = _solved(word, size, names, axes[place] + offset)
            if reason is not None:
                return reason
            continue
        if wanted != size:
            said = word if word == str(wanted) else f"{word} = {wanted}"
            return f"axis {axes[place] + offset} is {size}, not {said}"
    return None


def _solved(word: str, size: int | str, names: Names, axis: int) -> str | None:
    """`36*N` gives N its size; other arithmetic of a name that has none cannot be wrong."""
    bare = re.fullmatch(r"\(([^()]*)\)", word.strip())
    multiple = _MULTIPLE.fullmatch(bare[1].strip() if bare else word.strip())
    if multiple is None or not isinstance(size, int):
        return None
    times = int(multiple["before"] or multiple["behind"])
    name = multiple["name"] or multiple["first"]
    if name in names or times == 0:
        return None
    if size % times:
        return f"axis {axis} is {size}, not a multiple of {times}"
    names[name] = size // times
    return None


def value_of(word: str, names: Mapping[str, int | str]) -> int | None:
    """The number that a word such as `28//4`, `2H` or `2*hidden` comes to; None if unknown."""
    text = re.sub(r"(?<![\w.])(\d+)\s*([A-Za-z_]\w*)", r"\1*\2", word.strip())
    try:
        return _evaluate(ast.parse(text, mode="eval").body, names)
    except (SyntaxError, ZeroDivisionError):
        return None


def _evaluate(node: ast.expr, names: Mapping[str, int | str]) -> int | None:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            known = names.get(name)
            return known if isinstance(known, int) else None
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate(left, names), _evaluate(right, names)
            if a is None or b is None:
                return None
            return _computed(op, a, b)
    return None


def _computed(op: ast.operator, a: int, b: int) -> int | None:
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.Div() | ast.FloorDiv():
            return a // b
    return None
