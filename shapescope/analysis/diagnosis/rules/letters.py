"""The letters of an einsum: one that stands for two sizes, or axes that have none."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import permutations

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.rules.names import MATMUL
from shapescope.analysis.diagnosis.rules.positions import table_of
from shapescope.analysis.diagnosis.rules.tables import as_long, full_shape, table_labels
from shapescope.analysis.diagnosis.words import operand_labels, plural, primary, shape_text
from shapescope.attrs import CallAttrs
from shapescope.trace import Step, Trace


def letters(trace: Trace, step: Step) -> Iterator[Finding]:
    """A letter of an einsum that stands for two sizes."""
    attrs, call = step.attrs, call_at(step.call_site)
    equation = attrs.get("equation") if isinstance(attrs, CallAttrs) else None
    shapes = [ints(spec.shape) for spec in step.inputs]
    if not isinstance(equation, str) or "." in equation:
        return
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        return
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape):
            yield _other_length(step, term, shape)
            return
    sizes: dict[str, int] = {}
    for number, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) == size:
                continue
            before = "".join(terms[:number])
            known = {name: one for name, one in sizes.items() if name in term and name in before}
            turned = _turned(term, shape, known) or _reordered(term, shape, known)
            edits = []
            text = _equation_node(call)
            if call is not None and text is not None and turned is not None:
                swapped = ",".join([*terms[:number], turned, *terms[number + 1 :]])
                edits = [call.code.replace(text, repr(f"{swapped}{arrow}{right}"))]
            tables = [
                name
                for place in range(len(terms))
                if letter in terms[place] and (name := table_of(trace, step, place)) is not None
            ]
            yield finding(
                MATMUL,
                f"`{letter}` of the einsum is {sizes[letter]} in one tensor and {size} in another",
                step=step,
                labels=(
                    primary(step.call_site, operand_labels(step)),
                    *(it for name in tables for it in table_labels(trace, name)),
                ),
                why=tuple(
                    f"{name}: {shape_text(one)}" for name, one in zip(terms, shapes, strict=True)
                ),
                proposals=(
                    *(
                        [Proposal(f"name its axes {turned}", tuple(edits), kind="letters")]
                        if edits
                        else ()
                    ),
                    *(
                        it
                        for name in tables
                        for it in _other_table(trace, name, sizes[letter], size)
                    ),
                ),
            )
            return


def _other_table(trace: Trace, name: str, one: int, two: int) -> Iterator[Proposal]:
    """A table of the constructor made as long as what it meets."""
    for rows, needed in ((one, two), (two, one)):
        if rows in full_shape(trace, name):
            yield from as_long(trace, name, rows, needed)


def _turned(term: str, shape: tuple[int, ...], known: dict[str, int]) -> str | None:
    """The letters in an order in which they have their sizes, if there is one."""
    order = ""
    left = term
    for place, size in enumerate(shape):
        for name in left:
            others = left.replace(name, "", 1)
            sizes = Counter(known[other] for other in others if other in known)
            if known.get(name, size) == size and sizes <= Counter(shape[place + 1 :]):
                order, left = order + name, others
                break
        else:
            return None
    return order


def _reordered(term: str, shape: tuple[int, ...], known: dict[str, int]) -> str | None:
    """The same letters in the one order in which every known one has its size."""
    fitting = {
        "".join(order)
        for order in permutations(term)
        if all(known.get(name, size) == size for name, size in zip(order, shape, strict=True))
    }
    return fitting.pop() if len(fitting) == 1 else None


def _other_length(step: Step, term: str, shape: tuple[int, ...]) -> Finding:
    return finding(
        MATMUL,
        f"`{term}` of the einsum names {plural(len(term), 'axis', 'axes')}, "
        f"but {shape_text(shape)} has {len(shape)}",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=("each letter names one axis, in order",),
    )


def _equation_node(call: CallSource | None) -> ast.expr | None:
    nodes = [] if call is None else call.node.args
    return next((node for node in nodes if isinstance(node, ast.Constant)), None)
