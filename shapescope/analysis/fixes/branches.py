"""Edits that make branches fit: round alike, project, resize, keep a stride, join what is flat."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from shapescope.analysis.code import constructor_of
from shapescope.analysis.diagnosis.branches import Branch
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, spatial_axes
from shapescope.analysis.diagnosis.rules.layers import make_instead, maker_of, output_argument
from shapescope.analysis.diagnosis.words import name_of
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.decoder import other_windows, several_rows
from shapescope.analysis.fixes.listed import resize_listed
from shapescope.analysis.fixes.operands import operand_of, wrap
from shapescope.analysis.fixes.padding import keep_sizes
from shapescope.analysis.fixes.projection import project, project_always, spelled
from shapescope.analysis.fixes.resample import functional_name, pad_and_crop
from shapescope.arithmetic import cat_refusal
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.diagnostic import Edit
from shapescope.ops import lookup
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step, Trace


def branch_proposals(
    trace: Trace, step: Step, branches: Sequence[Branch], changed: Sequence[Step]
) -> Iterator[Proposal]:
    """What lets two branches meet, the likeliest first."""
    if len(branches) != 2:
        return
    one, two = branches
    if len(one.sizes) != len(two.sizes):
        yield from _give_axes(step, *sorted(branches, key=lambda branch: len(branch.sizes)))
    if len(one.sizes) != len(two.sizes) or len(one.sizes) < 2:
        return
    maps_differ = one.sizes[2:] != two.sizes[2:]
    if step.op != "cat" and broadcast(one.sizes[2:], two.sizes[2:]) is not None:
        maps_differ = False
    channels_differ = one.sizes[1] != two.sizes[1] and step.op != "cat"
    if maps_differ:
        smaller, larger = sorted(branches, key=lambda branch: branch.sizes[2:])
        if _nearly(smaller.sizes, larger.sizes):
            yield from _round_alike(trace, step, smaller, larger)
        elif step.op == "cat":
            yield from keep_sizes(trace, len(smaller.sizes) - 2)
            yield from _keep_stride(trace, smaller)
            yield from _resize(step, smaller, larger)
    if channels_differ:
        for branch, other in (branches, tuple(reversed(branches))):
            if not branch.changing and other.changing:
                yield from project_always(step, branch, other)
    near = maps_differ and _nearly(*sorted((one.sizes, two.sizes), key=lambda sizes: sizes[2:]))
    for branch, other in (branches, tuple(reversed(branches))):
        straight = not branch.changing and other.changing and step.op != "cat"
        if straight and (channels_differ or not near):
            yield from project(trace, step, branch, other)
    if maps_differ:
        smaller, larger = sorted(branches, key=lambda branch: branch.sizes[2:])
        if step.op != "cat" and _was_enlarged(larger) and not near and not channels_differ:
            yield from _resize(step, larger, smaller)
        if step.op != "cat":
            yield from _take_stride(trace, smaller, larger)
        yield from _keep_stride(trace, smaller)
        if not channels_differ:
            yield from _resize(step, smaller, larger)
    if channels_differ and not maps_differ:
        makers = [
            (next((layer for layer in reversed(branch.own) if output_argument(layer)), None), other)
            for branch, other in (tuple(reversed(branches)), branches)
        ]
        # a number that is written in the call itself decides on nothing else
        for maker, other in sorted(makers, key=lambda pair: not _is_written(trace, pair[0])):
            yield from make_instead(trace, maker, other.sizes[1])
    elif one.sizes[:-1] == two.sizes[:-1] or len(one.sizes) == 3:
        yield from _as_wide(trace, step, branches)


def _is_written(trace: Trace, maker: Step | None) -> bool:
    """Whether a layer's output is a number in its own constructor call."""
    argument = None if maker is None else output_argument(maker)
    call = None if maker is None or argument is None else constructor_of(trace, maker.path)
    return call is not None and isinstance(call.argument(argument or ""), ast.Constant)


_SAME_ROWS = frozenset({"getitem", "unsqueeze", "expand", "repeat", "narrow", "select"})
"""What takes rows, or lays them out anew, and leaves each as wide as it is."""


def _as_wide(trace: Trace, step: Step, branches: Sequence[Branch]) -> Iterator[Proposal]:
    """Rows of features of two widths: the one layer made as wide as the other."""
    one, two = branches
    if len(one.sizes) < 3 or one.sizes[-1] == two.sizes[-1] or step.op == "cat":
        return
    for branch, other in ((two, one), (one, two)):
        maker = maker_of(trace, step, branch.position)
        while maker is not None and maker.op in _SAME_ROWS and maker.inputs:
            if maker.inputs[0].shape[-1:] != maker.outputs[0].shape[-1:]:
                break
            maker = maker_of(trace, maker)
        if maker is not None and output_argument(maker) not in (None, "out_channels"):
            yield from make_instead(trace, maker, other.sizes[-1])


def _give_axes(step: Step, few: Branch, many: Branch) -> Iterator[Proposal]:
    """Axes of 1 where the smaller tensor lacks some of the larger one's, the batch kept first."""
    rank = len(many.sizes)
    fitting = [
        places
        for places in combinations(range(rank), len(few.sizes))
        if places[:1] == (0,)
        and all(size in (1, many.sizes[at]) for size, at in zip(few.sizes, places, strict=True))
    ]
    # `batch x keys` against `batch x heads x queries x keys`: the later axis is the one meant;
    # beside a map of a convolution the values are one for each channel, and the channels come first
    of_map = step.op == "mul" or any(spatial_axes(layer) for layer in many.way)
    for places in fitting if of_map else reversed(fitting):
        entries = [":" if at in places else "None" for at in range(rank)]
        made = wrap(step, few.position, "", f"[{', '.join(entries)}]")
        if made is not None:
            code, node, text = made
            yield Proposal(
                "give it an axis of 1 for each that it lacks",
                (code.replace(node, text),),
                kind="axes",
            )


def _nearly(smaller: Sequence[int], larger: Sequence[int]) -> bool:
    """Whether maps differ by rounding, not by a stride."""
    return all(m - n <= max(2, n // 4) for n, m in zip(smaller[2:], larger[2:], strict=True))


def _round_alike(trace: Trace, step: Step, smaller: Branch, larger: Branch) -> Iterator[Proposal]:
    """Let the branch that rounded down round up, or grow by the missing rows."""
    yield from several_rows(trace, smaller.own, larger.sizes[2:])
    if len(larger.sizes) == 3 and any(_pads_too_much(layer) for layer in larger.own):
        yield from _crop(step, smaller, larger, start=True)
    eats = False
    if sum(_eats(layer) for layer in smaller.own) > 1:
        yield from keep_sizes(trace, len(smaller.sizes) - 2)
    if any(layer.op.startswith("conv_transpose") for layer in larger.own):
        yield from other_windows(trace, larger.own, smaller.sizes[2:])
    for layer in reversed(smaller.own):
        if isinstance(layer.attrs, PoolAttrs) and not layer.attrs.ceil_mode:
            yield from _set(trace, layer, "ceil_mode", "True",
                            f"let `{name_of(layer)}` round up")  # fmt: skip
        attrs = layer.attrs
        if isinstance(attrs, ConvAttrs) and layer.op.startswith("conv_transpose"):
            missing = larger.sizes[-1] - smaller.sizes[-1]
            grown = attrs.output_padding[0] + missing
            if 0 < grown < max(attrs.stride):
                yield from _set(trace, layer, "output_padding", str(grown),
                                f"let `{name_of(layer)}` make the missing row")  # fmt: skip
    for layer in reversed(smaller.own):
        if isinstance(layer.attrs, ConvAttrs) and not layer.op.startswith("conv_transpose"):
            half = layer.attrs.dilation[0] * (layer.attrs.kernel_size[0] - 1) // 2
            if isinstance(layer.attrs.padding, tuple) and layer.attrs.padding[0] < half:
                eats = eats or max(layer.attrs.stride) == 1
                yield from _set(trace, layer, "padding", _half_window(trace, layer, half),
                                f"let `{name_of(layer)}` keep the size")  # fmt: skip
    if eats:
        yield from keep_sizes(trace, len(smaller.sizes) - 2)
        yield from _crop(step, smaller, larger)
    if _was_enlarged(larger) and not _was_enlarged(smaller):
        yield from _resize(step, larger, smaller)
    yield from _resize(step, smaller, larger)
    yield from pad_and_crop(trace, max(smaller.total_stride(), larger.total_stride()), 2)
    yield from _crop(step, smaller, larger)


def _eats(layer: Step) -> bool:
    """Whether a convolution of stride 1 gives less than it gets, for want of padding."""
    attrs = layer.attrs
    if not isinstance(attrs, ConvAttrs) or layer.op.startswith("conv_transpose"):
        return False
    shrinks = ints(layer.outputs[0].shape)[2:] < ints(layer.inputs[0].shape)[2:]
    return max(attrs.stride) == 1 and shrinks


def _was_enlarged(branch: Branch) -> bool:
    """Whether a branch was made larger on its way since the fork."""
    return any(
        step.op == "interpolate" or step.op.startswith("conv_transpose") for step in branch.own
    )


def _half_window(trace: Trace, layer: Step, half: int) -> str:
    """Half a window, spelled with the dilation as the constructor spells it."""
    call = constructor_of(trace, layer.path) if layer.kind == "module" else None
    node = None if call is None else call.argument("dilation")
    if call is None or node is None or not isinstance(layer.attrs, ConvAttrs):
        return str(half)
    times, text = half // layer.attrs.dilation[0], call.code.text(node)
    return text if times == 1 else f"{times} * {text}"


def _pads_too_much(layer: Step) -> bool:
    """Whether a convolution of stride 1 makes a sequence longer, as a causal one does."""
    attrs = layer.attrs
    plain = isinstance(attrs, ConvAttrs) and not layer.op.startswith("conv_transpose")
    if not plain or not isinstance(attrs, ConvAttrs) or max(attrs.stride) > 1:
        return False
    return ints(layer.outputs[0].shape)[2:] > ints(layer.inputs[0].shape)[2:]


def _crop(
    step: Step, smaller: Branch, larger: Branch, *, start: bool = False
) -> Iterator[Proposal]:
    """The larger one cut to the size of the smaller one: its end, where it is a sequence.

    With `start` the start of a sequence is kept: what a causal padding added lies behind it.
    """
    found = operand_of(step, smaller.position)
    if found is None:
        return
    code, node = found
    name = code.text(node)
    edits: list[Edit] = []
    statement = code.statement(node)
    if not isinstance(node, ast.Name | ast.Attribute):
        if statement is None or isinstance(statement, ast.AugAssign):
            return
        name = "shorter"
        edits = [
            code.insert_before(statement, f"{name} = {code.text(node)}"), code.replace(node, name)
        ]  # fmt: skip
    cut = f"[..., :{name}.shape[-2], :{name}.shape[-1]]"
    if len(smaller.sizes) == 3:
        cut = f"[..., :{name}.shape[-1]]" if start else f"[..., -{name}.shape[-1]:]"
    made = wrap(step, larger.position, "", cut)
    if made is not None:
        edits.append(made[0].replace(made[1], made[2]))
        yield Proposal("cut the larger one to size", tuple(edits), kind="join")


def _set(trace: Trace, layer: Step, name: str, value: str, message: str) -> Iterator[Proposal]:
    from shapescope.analysis.code import call_at

    call = constructor_of(trace, layer.path) if layer.kind == "module" else call_at(layer.call_site)
    if call is not None and name in call.parameters:
        yield Proposal(message, (call.set(name, value),), kind="round")


def _keep_stride(trace: Trace, smaller: Branch) -> Iterator[Proposal]:
    """Let the last layer that divided the map of the smaller branch keep it."""
    for layer in reversed(smaller.own):
        attrs = layer.attrs
        if not isinstance(attrs, ConvAttrs) or max(attrs.stride) == 1 or layer.kind != "module":
            continue
        if layer.op.startswith("conv_transpose"):
            return
        for proposal in set_argument(
            trace,
            layer.path,
            "stride",
            1,
            f"let `{name_of(layer)}` keep the size: stride 1",
            kind="stride",
        ):
            yield replace(proposal, follow=False)
        return


def _take_stride(trace: Trace, smaller: Branch, larger: Branch) -> Iterator[Proposal]:
    """The stride of the one branch also for the projection on the other."""
    ratios = {-(-m // n) for n, m in zip(smaller.sizes[2:], larger.sizes[2:], strict=True)}
    strided = [
        layer
        for layer in smaller.own
        if isinstance(layer.attrs, ConvAttrs) and max(layer.attrs.stride) > 1
    ]
    if len(ratios) != 1 or not strided or strided[0].kind != "module":
        return
    (ratio,) = ratios
    call = constructor_of(trace, strided[0].path)
    for layer in reversed(larger.own):
        attrs = layer.attrs
        if not isinstance(attrs, ConvAttrs) or max(attrs.kernel_size) > 1 or layer.kind != "module":
            continue
        own = constructor_of(trace, layer.path)
        if own is None or max(attrs.stride) > 1:
            return
        text = str(ratio)
        near = call is not None and own.code.function(own.node) is call.code.function(call.node)
        if near and max(getattr(strided[0].attrs, "stride", (1,))) == ratio:
            text = spelled(trace, strided[0], call, "stride", ratio)
            node = None if call is None else call.argument("stride")
            text = call.code.text(node) if call is not None and node is not None else text
        yield Proposal(
            f"let `{name_of(layer)}` divide the map alike: stride={text}",
            (own.set("stride", text),),
            kind="stride",
        )
        return


def _resize(step: Step, smaller: Branch, larger: Branch) -> Iterator[Proposal]:
    """Resize the smaller map to the larger one where they meet."""
    other = operand_of(step, larger.position)
    here = operand_of(step, smaller.position)
    if len(smaller.sizes) > 2 and (other is None or here is None):
        yield from resize_listed(smaller.way, smaller.sizes, larger.sizes)
    if other is None or here is None or len(smaller.sizes) < 3:
        return
    if len(smaller.sizes) == 3 and not _along_a_line(smaller) and not _along_a_line(larger):
        return  # the last axis of tokens counts their features: nothing to resize
    functional = functional_name(here[0])
    if functional is None:
        return
    size = f"{other[0].text(other[1])}.shape[2:]"
    made = wrap(step, smaller.position, f"{functional}.interpolate(", f", size={size})")
    if made is not None:
        code, node, text = made
        yield Proposal(
            "resize the one to the other where they meet",
            (code.replace(node, text),),
            kind="join",
        )


def _along_a_line(branch: Branch) -> bool:
    """Whether windows ran along the last axis of a tensor of three, and nothing moved it since."""
    for step in reversed(branch.way):
        if spatial_axes(step):
            return spatial_axes(step) == 1
        if lookup(step.op).changes_axes and step.op != "cat":
            return False
    return False


def turned_alike(
    step: Step, shapes: Sequence[tuple[int, ...]], along: int | None
) -> Iterator[Proposal]:
    """Channels in front of places, brought behind them: a flattened map beside tokens.

    Args:
        step: joins or adds the two.
        shapes: of its operands.
        along: the axis they are joined along; None where they are added.
    """
    if len(shapes) != 2 or any(len(one) != 3 for one in shapes):
        return
    for place in (1, 0):
        turned, other = shapes[place], shapes[1 - place]
        made = (turned[0], turned[2], turned[1])
        fits = broadcast(made, other) is not None
        if along is not None:
            fits = cat_refusal([made, other], along) is None
        code = wrap(step, place, "", ".transpose(1, 2)") if fits else None
        if code is not None:
            yield Proposal(
                f"bring the {turned[1]} features to the end",
                (code[0].replace(code[1], code[2]),),
                kind="turn",
            )


def rank_proposals(step: Step, shapes: Sequence[tuple[int, ...]], along: int) -> Iterator[Proposal]:
    """Flatten, or give an axis to, the operand that has another number of axes."""
    ranks = {len(one) for one in shapes}
    if len(ranks) < 2 or len(shapes) != 2:
        return
    few, many = sorted((0, 1), key=lambda place: len(shapes[place]))
    methods = []
    if len(shapes[few]) == 1 and len(shapes[many]) == 2:
        methods.append((few, ".unsqueeze(1)", "give it an axis"))
    if len(shapes[few]) == 2 and len(shapes[many]) > 3 and set(shapes[many][2:]) == {1}:
        ones = ", ".join([":", ":", *["None"] * (len(shapes[many]) - 2)])
        methods.append((few, f"[{ones}]", "give it the axes of 1 that the other has"))
    if len(shapes[few]) == 2 and len(shapes[many]) > 2:
        methods.append((many, ".flatten(1)", "flatten all but the batch"))
        if len(shapes[many]) == 4:
            methods.append(
                (few, "[:, :, None, None].expand(-1, -1, *{other}.shape[2:])",
                 "spread the values over the map")
            )  # fmt: skip
    for place, method, message in methods:
        other = operand_of(step, 1 - place)
        name = "" if other is None else other[0].text(other[1])
        made = wrap(step, place, "", method.replace("{other}", name))
        if made is not None:
            code, node, text = made
            yield Proposal(message, (code.replace(node, text),), kind="rank")
