"""An axis that is to be split into sizes which are not those it has."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import isqrt, prod

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import make_instead, maker_of, output_argument
from shapescope.analysis.diagnosis.rules.names import VIEW
from shapescope.analysis.diagnosis.words import (
    equation,
    here,
    name_of,
    primary,
    product_text,
    shape_text,
)
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import entered_through
from shapescope.attrs import CallAttrs
from shapescope.ops.shapes import axis
from shapescope.trace import Step, Trace

PIECES = declare("split-sizes", "the pieces of a split are not, together, as long as the axis")


def cannot_unflatten(case: Case, step: Step, attrs: CallAttrs) -> Iterator[Finding]:
    """Why an axis cannot be split, and what has as many values as are asked for."""
    trace, sizes = case.trace, ints(step.inputs[0].shape)
    wanted = attrs.get("sizes") or attrs.get("unflattened_size")
    dim = attrs.get("dim")
    if not isinstance(wanted, tuple) or not isinstance(dim, int) or not sizes:
        return
    asked = tuple(size for size in wanted if isinstance(size, int))
    if not -len(sizes) <= dim < len(sizes) or len(asked) != len(wanted) or -1 in asked:
        return
    have, need = sizes[dim], prod(asked)
    if have == need:
        return
    maker = maker_of(trace, step)
    argument = None if maker is None else output_argument(maker)
    call = constructor_of(trace, step.path) if step.kind == "module" else call_at(step.call_site)
    inside = entered_through(trace, step) and step.defined_at is not None
    yield finding(
        VIEW,
        f"{shape_text(sizes)} cannot be seen as {shape_text(_split(sizes, dim, asked))}: "
        f"{need} values for each, but {have} arrive",
        step=step,
        labels=(
            primary(step.defined_at, f"asks for {equation(asked)}")
            if inside
            else primary(step.call_site, here(step)),
            label(step.defined_at, f"asks for {equation(asked)}"),
            argument_label(trace, maker.path, argument, f"`{name_of(maker)}` makes {have}")
            if maker is not None and argument is not None
            else None,
        ),
        why=(f"{equation(asked)} is asked for where {have} arrives",),
        proposals=(
            *_other_sizes(call, asked, have),
            *_made_whole(trace, maker, argument, asked),
        ),
    )


@failing("split", "split_with_sizes", "unsafe_split_with_sizes")
def uneven_pieces(case: Case) -> Iterator[Finding]:
    """Pieces that are not, all together, as long as the axis."""
    step = case.failed
    if step is None or not isinstance(step.attrs, CallAttrs) or not step.inputs:
        return
    sizes, dim = ints(step.inputs[0].shape), step.attrs.get("dim")
    given = step.attrs.get("split_size_or_sections")
    asked = [size for size in given if isinstance(size, int)] if isinstance(given, tuple) else []
    if not asked or given != tuple(asked) or not sizes:
        return
    along = axis(0 if dim is None else dim, len(sizes))
    if along is None or sum(asked) == sizes[along]:
        return
    have, maker = sizes[along], maker_of(case.trace, step)
    argument = None if maker is None else output_argument(maker)
    total = f"{' + '.join(map(str, asked))} = {sum(asked)}"
    yield finding(
        PIECES,
        f"the pieces are {sum(asked)} long, but axis {along} has {have}",
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            argument_label(case.trace, maker.path, argument, f"`{name_of(maker)}` makes {have}")
            if maker is not None and argument is not None
            else None,
        ),
        why=(f"{total}, and {shape_text(sizes)} is cut along axis {along}",),
        proposals=(
            *_fitting_piece(call_at(step.call_site), asked, have),
            *(make_instead(case.trace, maker, sum(asked)) if along == len(sizes) - 1 else ()),
        ),
    )


def _fitting_piece(call: CallSource | None, asked: Sequence[int], have: int) -> Iterator[Proposal]:
    """One piece of another length: the one unlike the others first, then the last one."""
    lists = [] if call is None else [*call.node.args, *(it.value for it in call.node.keywords)]
    listed = next((it for it in lists if isinstance(it, ast.List | ast.Tuple)), None)
    if call is None or listed is None or len(listed.elts) != len(asked):
        return
    places = range(len(asked) - 1, -1, -1)
    rest = {at: have - sum(asked) + asked[at] for at in places}
    like = [at for at in places if rest[at] in (*asked[:at], *asked[at + 1 :])]
    for at in dict.fromkeys((*like, *places)):
        node = listed.elts[at]
        if rest[at] < 1 or isinstance(node, ast.Starred):
            continue
        same = next((it for it, size in zip(listed.elts, asked, strict=True)
                     if size == rest[at] and not isinstance(it, ast.Constant)), None)  # fmt: skip
        written = str(rest[at]) if same is None else call.code.text(same)
        yield Proposal(
            f"make piece {at} {rest[at]} long",
            (call.code.replace(node, written),),
            kind="pieces",
        )
        return


def _split(sizes: tuple[int, ...], dim: int, asked: tuple[int, ...]) -> tuple[int, ...]:
    place = dim % len(sizes)
    return (*sizes[:place], *asked, *sizes[place + 1 :])


def _other_sizes(call: CallSource | None, asked: Sequence[int], have: int) -> Iterator[Proposal]:
    """Sizes whose product is what arrives: another map of the same channels, or other channels."""
    nodes = [] if call is None or len(call.node.args) < 2 else [call.node.args[1]]
    if call is None or not nodes or not isinstance(nodes[0], ast.Tuple | ast.List):
        return
    for sizes in _spread(asked, have):
        texts = [
            call.code.text(node) if size == old else str(size)
            for node, size, old in zip(nodes[0].elts, sizes, asked, strict=True)
        ]
        yield Proposal(
            f"split the {have} that arrive as {product_text(sizes)}",
            (call.code.replace(nodes[0], f"({', '.join(texts)})"),),
            kind="split",
        )


def _spread(asked: Sequence[int], have: int) -> Iterator[tuple[int, ...]]:
    channels, sides = asked[0], asked[1:]
    if have % channels == 0:
        rest = have // channels
        if len(sides) == 1:
            yield channels, rest
        elif len(sides) == 2 and isqrt(rest) ** 2 == rest:
            yield channels, isqrt(rest), isqrt(rest)
    if sides and have % prod(sides) == 0:
        yield have // prod(sides), *sides


def _made_whole(
    trace: Trace, maker: Step | None, argument: str | None, asked: Sequence[int]
) -> Iterator[Proposal]:
    """The layer in front made to give as many values as are asked for."""
    if maker is None or argument is None:
        return
    yield from set_argument(
        trace,
        maker.path,
        argument,
        prod(asked),
        f"make {equation(asked)} in `{name_of(maker)}`",
        factors=asked,
        kind="producer",
    )
    yield from make_instead(trace, maker, prod(asked))
