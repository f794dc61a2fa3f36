"""Products of matrices whose inner sizes differ."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import permutations

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.words import operand_labels, plural, primary, shape_text
from shapescope.analysis.fixes.operands import exchanged, wrap
from shapescope.attrs import CallAttrs
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step

MATMUL = declare("matmul-shape", "two matrices are multiplied whose inner sizes differ")


@failing("matmul", "mm", "bmm", "einsum", "baddbmm", "addmm", "dot")
def no_product(case: Case) -> Iterator[Finding]:
    """Two shapes that do not multiply."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    one, two = (ints(spec.shape) for spec in step.inputs[-2:])
    if not one or not two:
        return
    if step.op == "einsum":
        yield from letters(step)
        return
    ranks = {"mm": (2, 2), "bmm": (3, 3)}.get(step.op)
    if ranks is not None and (len(one), len(two)) != ranks:
        yield _wrong_rank(step, one, two, ranks[0])
        return
    inner = two[-2] if len(two) > 1 else two[0]
    why = f"the last axis of the first is {one[-1]}, the last but one of the second is {inner}"
    if one[-1] == inner:
        why = f"the inner sizes are both {inner}, but {shape_text(one[:-2])} and "
        why += f"{shape_text(two[:-2])} in front of them differ"
    yield finding(
        MATMUL,
        f"cannot multiply {shape_text(one)} by {shape_text(two)}",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(why,),
        proposals=_proposals(step, one, two),
    )


def letters(step: Step) -> Iterator[Finding]:
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
            yield finding(
                MATMUL,
                f"`{letter}` of the einsum is {sizes[letter]} in one tensor and {size} in another",
                step=step,
                labels=(primary(step.call_site, operand_labels(step)),),
                why=tuple(
                    f"{name}: {shape_text(one)}" for name, one in zip(terms, shapes, strict=True)
                ),
                proposals=[Proposal(f"name its axes {turned}", tuple(edits), kind="letters")]
                if edits
                else (),
            )
            return


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


def _wrong_rank(step: Step, one: tuple[int, ...], two: tuple[int, ...], axes: int) -> Finding:
    wrong = one if len(one) != axes else two
    call = call_at(step.call_site)
    proposals: list[Proposal] = []
    if call is not None and call.callee == step.op and isinstance(call.node.func, ast.Attribute):
        proposals += _as_matmul(call, step.op)
    noun = "two matrices" if axes == 2 else "two batches of matrices"
    return finding(
        MATMUL,
        f"`{step.op}` takes {noun} of {axes} axes, but {shape_text(wrong)} has {len(wrong)}",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(f"{shape_text(one)} by {shape_text(two)}; {step.op} does not broadcast",),
        proposals=(*proposals, *_proposals(step, one, two)),
    )


def _as_matmul(call: CallSource, op: str) -> Iterator[Proposal]:
    """`matmul` for this call; where that is not enough, for all like it in the same function."""
    own = call.code.text(call.node.func)
    function = call.code.function(call.node)
    alike = [
        node.func
        for node in (ast.walk(function) if function is not None else ())
        if isinstance(node, ast.Call) and call.code.text(node.func) == own
    ]
    name = f"{own.removesuffix(op)}matmul"
    for nodes in ([call.node.func], alike):
        yield Proposal(
            "matmul multiplies the matrices of every sample",
            tuple(call.code.replace(node, name) for node in nodes),
            kind="matmul",
        )


def _proposals(step: Step, one: tuple[int, ...], two: tuple[int, ...]) -> Iterator[Proposal]:
    first = len(step.inputs) - 2
    turns: list[tuple[int, str]] = []
    if one[-1] == two[-2:][0]:
        yield from _shared_heads(step, one, two)
        return
    if len(two) > 1 and one[-1] == two[-1]:
        turns.append((first + 1, ".transpose(-2, -1)"))
    if len(one) > 1 and len(two) > 1 and one[-2] == two[-2]:
        turns.append((first, ".transpose(-2, -1)"))
    if len(one) == 3 and len(two) == 2 and step.op in ("bmm",):
        turns.append((first + 1, ".unsqueeze(2)"))
    for position, method in turns:
        made = wrap(step, position, "", method)
        if made is not None:
            code, node, text = made
            yield Proposal("turn it", (code.replace(node, text),), kind=f"turn{position}")
    if _multiply(two, one):
        edits = exchanged(step, first, first + 1)
        if edits:
            yield Proposal("multiply them the other way round", edits, kind="exchange")


def _shared_heads(step: Step, one: tuple[int, ...], two: tuple[int, ...]) -> Iterator[Proposal]:
    """Keys and values of fewer heads, each repeated for the group of queries that share it."""
    if len(one) != 4 or len(two) != 4 or one[0] != two[0] or one[-1] != two[-2]:
        return
    few, many = sorted((one[1], two[1]))
    made = wrap(
        step,
        len(step.inputs) - (2 if one[1] == few else 1),
        "",
        f".repeat_interleave({many // few}, dim=1)",
    )
    if made is not None and many % few == 0:
        yield Proposal(
            f"repeat each of its {few} heads for the {many // few} that share it",
            (made[0].replace(made[1], made[2]),),
            kind="heads",
        )


def _multiply(one: tuple[int, ...], two: tuple[int, ...]) -> bool:
    """Whether two matrices, or batches of them, multiply in this order."""
    return (
        min(len(one), len(two)) > 1
        and one[-1] == two[-2]
        and broadcast(one[:-2], two[:-2]) is not None
    )
