"""Edits for a view whose sizes do not come out: windows, factors, a size left to torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from shapescope.analysis.code import call_at
from shapescope.analysis.code.origins import bindings, factors_of, value_of
from shapescope.analysis.diagnosis.built_for import customary_sizes, sizes_giving
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import chain_to, source_of
from shapescope.analysis.diagnosis.rules.layers import (
    maker_of,
    output_argument,
)
from shapescope.analysis.diagnosis.words import (
    name_of,
    shape_text,
)
from shapescope.analysis.fixes.batch import without_call
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.resample import feed, functional_name, resize_input
from shapescope.analysis.fixes.sizes import differing, size_nodes
from shapescope.diagnostic import Edit, Label
from shapescope.trace import SourceSpan, Step, Trace


def cut_windows(before: Sequence[int], after: Sequence[int]) -> list[tuple[int, int, int]] | None:
    """Axes that are to be cut into windows that leave a rest: their size, count and window."""
    if not before or len(after) != 2 * len(before):
        return None
    found = [(size, after[2 * at], after[2 * at + 1]) for at, size in enumerate(before)]
    fits = all(window > 1 and count == size // window for size, count, window in found)
    return found if fits and any(size % window for size, _, window in found) else None


def whole_windows(
    trace: Trace, step: Step, sizes: tuple[int, ...], windows: Sequence[tuple[int, int, int]]
) -> Iterator[Proposal]:
    """An input whose map is a whole number of windows: the nearest above, or below."""
    chain = chain_to(trace, source_of(trace, step))
    for more in (1, 0):
        wanted = [(count + more) * window if size % window else size
                  for size, count, window in windows]  # fmt: skip
        if not chain:
            yield from resize_input(trace, wanted)
            yield from feed(trace, wanted)
            continue
        ranges = sizes_giving(chain, len(wanted), wanted)
        if ranges is None:
            # The channels may lie behind the map here: look in front of what moved them.
            moved = maker_of(trace, step)
            ranges = None if moved is None else sizes_giving(
                chain_to(trace, source_of(trace, moved)), len(wanted), wanted
            )  # fmt: skip
        if ranges is not None:
            fitting = customary_sizes(ranges)
            yield from resize_input(trace, fitting)
            yield from feed(trace, fitting)


def size_origin(trace: Trace, step: Step, place: int, size: int) -> Iterator[Label]:
    """Where a size that a view names was taken from."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or place >= len(nodes):
        return
    node = nodes[place]
    text = f"{call.code.text(node)} = {size} comes from here"
    for origin in bindings(trace, step.path, call.code, node)[-1:]:
        yield Label(origin.span, text)
    function = call.code.function(call.node)
    if function is None or not isinstance(node, ast.Name):
        return
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
            for target in statement.targets[0].elts:
                if isinstance(target, ast.Name) and target.id == node.id:
                    yield Label(call.code.span(target), text)


def whatever_arrives(step: Step, place: int, given: int) -> Iterator[Proposal]:
    """The one size that does not come out left to torch."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is not None and place < len(nodes):
        yield Proposal(
            f"take the {given} that arrive",
            (call.code.replace(nodes[place], "-1"),),
            kind="open",
        )


def resized_map(
    step: Step, place: int, before: tuple[int, ...], after: tuple[int, ...]
) -> Iterator[Proposal]:
    """The map resized to the height and width that `H * W` in the view speaks of."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or call.receiver is None or place >= len(nodes) or len(before) != 2:
        return
    node, functional = nodes[place], functional_name(call.code)
    if functional is None or not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return
    if len(after) == 1:
        size = f"({call.code.text(node.left)}, {call.code.text(node.right)})"
        text = f"{functional}.interpolate({call.code.text(call.receiver)}, size={size})"
        yield Proposal(
            "resize the map to the one that the sizes come from",
            (call.code.replace(call.receiver, text),),
            kind="resize map",
        )


def other_map(
    trace: Trace, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Iterator[Proposal]:
    """A view that only repeats the form a map has, with the numbers of another map."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    alike = len(nodes) == len(sizes) == len(wanted) > 2 and wanted[1] == sizes[1]
    if call is None or not alike or wanted[0] not in (-1, sizes[0]):
        return
    edits: dict[SourceSpan, Edit] = {}
    for node, given, size in zip(nodes[2:], sizes[2:], wanted[2:], strict=True):
        if given == size:
            continue
        further = bindings(trace, step.path, call.code, node)
        code, place = (further[-1].code, further[-1].node) if further else (call.code, node)
        if not isinstance(place, ast.Constant):
            edits.clear()
            break
        edits[code.span(place)] = code.replace(place, str(given))
    if edits:
        yield Proposal(f"see it as {shape_text(sizes[1:])}", tuple(edits.values()), kind="consumer")
    yield from without_call(step)
    ranges = sizes_giving(chain_to(trace, source_of(trace, step)), len(sizes) - 2, wanted[2:])
    if ranges is not None:
        yield from resize_input(trace, customary_sizes(ranges))
        yield from feed(trace, customary_sizes(ranges))


def set_to_what_arrives(
    trace: Trace, step: Step, before: tuple[int, ...], after: tuple[int, ...]
) -> Iterator[Proposal]:
    """The variable that a size comes from, set to the size that arrives."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    plain = [size for size in after if size != 1]
    if call is None or len(before) != 1 or len(plain) != 1:
        return
    for node in nodes:
        origins = bindings(trace, step.path, call.code, node)
        known = value_of(trace, step.path, call.code, node)
        if known != plain[0] or not origins or origins[0].kind != "assigned":
            continue
        yield Proposal(
            f"`{call.code.text(node)}` as {before[0]}, the size that arrives",
            (origins[0].code.replace(origins[0].node, str(before[0])),),
            kind="setting",
        )


def product_of_a_map(
    trace: Trace, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Iterator[Proposal]:
    """`32 * 6 * 6` made `32 * 8 * 8`, wherever the file writes it, where a map of 8 x 8 arrives."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    maps = sizes[-2:]
    if call is None or len(sizes) < 4:
        return
    for node, size in zip(nodes, wanted, strict=False):
        factors = factors_of(trace, step.path, call.code, node)
        if factors is None or len(factors) < 3 or size < 2 or factors[-2:] == maps:
            continue
        if not isinstance(node, ast.BinOp) or factors[-3] not in sizes:
            continue
        left = node.left
        if not isinstance(left, ast.BinOp):
            continue
        same = ast.dump(node)
        edits = tuple(
            edit
            for one in ast.walk(call.code.tree)
            if isinstance(one, ast.BinOp) and ast.dump(one) == same
            and isinstance(one.left, ast.BinOp)
            for edit in (
                call.code.replace(one.left.right, str(maps[0])),
                call.code.replace(one.right, str(maps[1])),
            )
        )  # fmt: skip
        yield Proposal(
            f"count a map of {shape_text(maps)}: {factors[-3]} * {maps[0]} * {maps[1]} = "
            f"{factors[-3] * maps[0] * maps[1]}",
            edits,
            kind="product",
        )


def named_twice(step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[Proposal]:
    """`view(b, groups, groups, h, w)`: the second one is what is left, and torch finds it."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(wanted) or -1 in wanted:
        return
    for node, before in zip(nodes[1:], nodes, strict=False):
        same = not isinstance(node, ast.Constant) and ast.dump(node) == ast.dump(before)
        place = nodes.index(node)
        others = prod(size for at, size in enumerate(wanted) if at != place)
        if same and others and prod(sizes) % others == 0:
            yield Proposal(
                f"`{call.code.text(before)}` stands there twice: leave what remains to torch",
                (call.code.replace(node, "-1"),),
                kind="twice",
            )


def made_label(trace: Trace, maker: Step | None, size: int) -> Label | None:
    """The argument that makes a number of channels or features."""
    argument = None if maker is None else output_argument(maker)
    if maker is None or argument is None:
        return None
    return argument_label(trace, maker.path, argument, f"{argument} = {size}")


def make_product(
    trace: Trace,
    step: Step,
    maker: Step | None,
    sizes: tuple[int, ...],
    wanted: tuple[int, ...],
    need: int,
) -> Iterator[Proposal]:
    """Let the maker make the product of the sizes, as the view spells them.

    `view(b, self.anchors, 5 + self.classes, h, w)` asks for `anchors * (5 + classes)` channels.
    """
    from shapescope.analysis.code import constructor_of

    call = call_at(step.call_site)
    argument = None if maker is None else output_argument(maker)
    made = None if maker is None else constructor_of(trace, maker.path)
    nodes = [] if call is None else size_nodes(call)
    if call is None or maker is None or made is None or argument is None:
        return
    if len(nodes) != len(wanted):
        return
    front = len(sizes) - len(differing(sizes, wanted)[0])
    before, after = differing(sizes, wanted)
    start = next(
        (place for place in range(len(wanted)) if wanted[place : place + len(after)] == after), None
    )
    function = made.code.function(made.node)
    if start is None or function is None or front < 0 or not before:
        return
    parts = []
    for node in nodes[start : start + len(after)]:
        text = call.code.text(node).replace("self.", "")
        parts.append(f"({text})" if isinstance(node, ast.BinOp) else text)
    known = {arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)}
    names = {
        name.id
        for part in parts
        for name in ast.walk(ast.parse(part, mode="eval"))
        if isinstance(name, ast.Name)
    }
    if not names or not names <= known:
        return
    text = " * ".join(parts)
    yield Proposal(
        f"make the {need} that the view asks for in `{name_of(maker)}`",
        (made.set(argument, text),),
        kind="producer",
    )
