"""The size that the numbers in a model's code were made for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product

from shapescope.analysis.sizes.regions import Region, tightened
from shapescope.analysis.sizes.witness import GRID, closest, components
from shapescope.arithmetic.expressions import BATCH, Comparison, Condition, Expr, compiled
from shapescope.arithmetic.expressions.terms import of_atom
from shapescope.attrs import LinearAttrs
from shapescope.source_text import source_lines
from shapescope.trace import SourceSpan
from shapescope.valid_sizes import Passage

_MOST_CANDIDATES = 20_000
_MOST_TRIED = 400_000


def built_for(
    regions: Sequence[Region], passages: Sequence[Passage], asked: Mapping[str, int]
) -> dict[str, int] | None:
    """The sizes of the axes that are bounded, where no pool or stride drops a row.

    Of several the square one, then the one that every stride divides, then the customary one.
    None where every axis goes on without end, or nearly.
    """
    regions = [tightened(region) for region in regions]
    bounded = [axis for axis in asked if regions and all(_is_bounded(r, axis) for r in regions)]
    if not bounded:
        return None
    best: tuple[tuple[object, ...], dict[str, int]] | None = None
    for region in regions:
        for count, sizes in enumerate(_candidates(region, bounded, asked)):
            if count == _MOST_CANDIDATES:
                return None  # what fits so much was made for none of it
            score = _score(sizes, bounded, passages)
            if best is None or score < best[0]:
                best = (score, {axis: sizes[axis] for axis in bounded})
    return None if best is None else best[1]


def _is_bounded(region: Region, axis: str) -> bool:
    """Whether sizes come to an end; where nobody looked further, that is no end."""
    found = region.sets[axis]
    if found.known_to is None or found.is_empty:
        return found.is_finite
    _, last, step = found.ranges()[-1]
    return found.is_finite and last is not None and found.known_to >= last + step


def _candidates(
    region: Region, bounded: Sequence[str], asked: Mapping[str, int]
) -> Iterator[dict[str, int]]:
    """Sizes in a region; axes without end stay as they were asked for, or near it."""
    base = {axis: closest(found, asked[axis]) for axis, found in region.sets.items()}
    choices = [list(region.sets[axis].up_to(GRID)) for axis in bounded]
    judges = [compiled(condition) for _, group in components(region.coupled) for condition in group]
    for chosen in islice(product(*choices), _MOST_TRIED):
        sizes = {**base, **dict(zip(bounded, chosen, strict=True))}
        if all(judge(sizes) for judge in judges):
            yield sizes


def _score(
    sizes: Mapping[str, int], bounded: Sequence[str], passages: Sequence[Passage]
) -> tuple[object, ...]:
    passage = _passage_at(sizes, passages)
    full = {**sizes, BATCH: 2}
    dropped = uneven = 0
    spelled = 0
    if passage is not None:
        dropped = sum(expr.evaluate(full) for expr, _ in passage.strides)
        uneven = sum(expr.evaluate(full) != 0 for _, expr in passage.strides)
        spelled = -sum(_as_spelled(passage, decision.condition, full)
                       for decision in passage.decisions)  # fmt: skip
    sides = [sizes[axis] for axis in bounded]
    not_square = len(set(sides)) > 1
    larger = [-side for side in sides]
    return (dropped > 0, spelled, not_square, dropped, uneven, _spread(sides), larger)


def _spread(sides: Sequence[int]) -> int:
    return max(sides) - min(sides)


def _passage_at(sizes: Mapping[str, int], passages: Iterable[Passage]) -> Passage | None:
    full = {**sizes, BATCH: 2}
    for passage in passages:
        if passage.fits and all(
            decision.condition.evaluate(full) for decision in passage.decisions
        ):
            return passage
    return None


def _as_spelled(passage: Passage, condition: Condition, sizes: Mapping[str, int]) -> bool:
    """Whether a layer's features are spelled in the source as the map here has them: 48*6*27."""
    if not isinstance(condition, Comparison) or len(condition.expr.terms) != 1:
        return False
    sides = [factor.evaluate(sizes) for factor in _factors(condition.expr)]
    if len(sides) < 2:
        return False
    for layer in passage.steps:
        if isinstance(layer.attrs, LinearAttrs):
            factors = spelled_factors(layer.defined_at)
            if len(factors) > len(sides) and list(factors[-len(sides) :]) == sides:
                return True
    return False


def _factors(expr: Expr) -> list[Expr]:
    (product_, _) = expr.terms[0]
    return [factor if isinstance(factor, Expr) else of_atom(factor) for factor in product_]


def spelled_factors(span: SourceSpan | None) -> tuple[int, ...]:
    """The factors of the first argument of a constructor, as the source has them."""
    if span is None or span.line != span.end_line:
        return ()
    lines = source_lines(span.file)
    if span.line > len(lines):
        return ()
    text = lines[span.line - 1][span.column - 1 : span.end_column - 1]
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return ()
    if not isinstance(tree, ast.Call) or not tree.args:
        return ()
    return _product_of(tree.args[0])


def _product_of(node: ast.expr) -> tuple[int, ...]:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return (node.value,)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _product_of(node.left), _product_of(node.right)
        return (*left, *right) if left and right else ()
    return ()
