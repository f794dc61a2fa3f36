"""A convolution that gets another number of channels, or of axes, than it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from shapescope.analysis.code import Origin, call_at, constructor_of, origins_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, spatial_axes
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.layers import (
    channel_maker,
    class_name,
    make_instead,
    maker_of,
    names_list,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.rules.names import MISSING_AXIS
from shapescope.analysis.diagnosis.words import arrive, name_of, plural, shape_text
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import edit_operand, entered_through
from shapescope.analysis.fixes.frames import each_frame
from shapescope.analysis.fixes.instead import spare_layer
from shapescope.analysis.fixes.literals import written_number
from shapescope.analysis.fixes.loops import carry_on, carry_width, running_index
from shapescope.analysis.fixes.turns import keep_reduced
from shapescope.attrs import CallAttrs, ConvAttrs, PoolAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

IN_CHANNELS = declare(
    "conv-in-channels", "a convolution gets another number of channels than it takes"
)
CHANNELS_LAST = declare("channels-last", "a map with its channels last, where torch has them first")
RANK = declare("input-rank", "a layer gets a tensor with another number of axes than it takes")

_CONVS = tuple(f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3))
_MAPS = {1: "batch x channels x length", 2: "batch x channels x height x width",
         3: "batch x channels x depth x height x width"}  # fmt: skip


@failing(*_CONVS)
def conv_channels(case: Case) -> Iterator[Finding]:
    """Why a convolution refuses the axes or the channels that arrive."""
    step = case.failed
    if step is None or not isinstance(step.attrs, ConvAttrs) or not step.inputs:
        return
    sizes, axes = ints(step.inputs[0].shape), len(step.attrs.kernel_size)
    if not sizes:
        return
    if len(sizes) not in (axes + 1, axes + 2):
        yield _wrong_rank(case, step, sizes, axes)
        return
    wanted = step.attrs.in_channels
    channels = sizes[-axes - 1]
    if channels == wanted:
        return
    yield from folded_before(case, step)
    maker, between = channel_maker(case.trace, step)
    made = maker is not None and (output_argument(maker) == "out_channels" or _joins(maker))
    if sizes[-1] == wanted and channels != wanted and not made:
        yield channels_last(case, step, sizes, wanted)
    elif len(sizes) == axes + 1 and wanted == 1:
        yield _missing_channel(case, step, sizes)
    else:
        yield _mismatch(case, step, sizes, wanted, channels, maker, between)


def _joins(maker: Step) -> bool:
    """Whether a tensor was joined along axis 1, where the channels are."""
    return maker.op == "cat" and maker.inputs[0].shape[2:] == maker.outputs[0].shape[2:]


def channels_last(case: Case, step: Step, sizes: tuple[int, ...], wanted: int) -> Finding:
    """A map whose channels are its last axis, at the step that reads another one as channels."""
    rank = len(sizes)
    batched = rank == (spatial_axes(step) or rank) + 2
    if rank == 3 and batched:
        method = ".transpose(1, 2)"
    elif batched:
        method = f".permute(0, {rank - 1}, {', '.join(map(str, range(1, rank - 1)))})"
    else:
        method = f".permute({rank - 1}, {', '.join(map(str, range(rank - 1)))}).unsqueeze(0)"
    written = "batch x length x channels" if rank == 3 and batched else "height x width x channels"
    channels = sizes[1] if batched else sizes[0]
    moved = maker_of(case.trace, step)
    moved = moved if moved is not None and moved.op in ("permute", "transpose") else None
    conv = isinstance(step.attrs, ConvAttrs)
    counted = plural(wanted, "channel") if conv else "channels"
    defined = f"in_channels = {wanted}" if conv else "slides over the last two axes"
    return finding(
        CHANNELS_LAST,
        f"`{name_of(step)}` takes {counted} on axis {int(batched)}, but they are the last axis of "
        f"{shape_text(sizes)}",
        step=step,
        labels=(
            *places(case.trace, step, "in_channels", defined),
            None if moved is None else label(moved.call_site, here_and_there(moved)),
        ),
        why=(
            (
                f"{name_of(step)} reads {shape_text(sizes)} as "
                f"{_MAPS[rank - 2 if batched else rank - 1] if batched else 'one unbatched map'}: "
                f"{plural(channels, 'channel')}, not {wanted}"
            ),
        ),
        notes=(f"the axes look like {written}: torch has the channels first",),
        proposals=(
            *(_other_order(moved, rank) if moved is not None and batched else ()),
            *edit_operand(step, case.trace, method, "move the channels to the front"),
        ),
    )


def here_and_there(step: Step) -> str:
    """`4 x 64 x 64 x 3 -> 4 x 3 x 64 x 64` of a step that moves axes."""
    return f"{shape_text(step.inputs[0].shape)} -> {shape_text(step.outputs[0].shape)}"


def _other_order(moved: Step, rank: int) -> Iterator[Proposal]:
    """Other axes for a permute that was to bring the channels to the front, and did not."""
    call = call_at(moved.call_site)
    order = moved.attrs.get("dims") if isinstance(moved.attrs, CallAttrs) else None
    if call is None or moved.op != "permute" or not isinstance(order, tuple):
        return
    given = call.node.args if call.receiver is not None else call.node.args[1:]
    nodes = list(given)
    if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
        nodes = list(nodes[0].elts)
    if len(nodes) != rank or len(order) != rank:
        return
    last = [axis for axis in range(1, rank) if axis != order[-1]]
    wanted = [0, order[-1], *last]
    edits = tuple(
        call.code.replace(node, str(axis))
        for node, axis, old in zip(nodes, wanted, order, strict=True)
        if axis != old
    )
    yield Proposal("move the channels to the front", edits, kind="order")


def _missing_channel(case: Case, step: Step, sizes: tuple[int, ...]) -> Finding:
    axes = len(sizes) - 1
    return finding(
        MISSING_AXIS,
        f"`{name_of(step)}` takes 1 channel, but {shape_text(sizes)} has no channel axis",
        step=step,
        labels=places(case.trace, step, "in_channels", "in_channels = 1"),
        why=(
            (
                f"without a batch axis torch reads {shape_text(sizes)} as one map with {sizes[0]} "
                f"channels; {name_of(step)} takes {_MAPS[axes]}"
            ),
        ),
        proposals=(
            *edit_operand(step, case.trace, ".unsqueeze(1)", "add the channel axis"),
            *edit_operand(step, case.trace, ".unsqueeze(0)", "add the batch axis"),
        ),
    )


def _wrong_rank(case: Case, step: Step, sizes: tuple[int, ...], axes: int) -> Finding:
    given = plural(len(sizes), "axis", "axes")
    return finding(
        RANK,
        f"`{name_of(step)}` takes {axes + 2} axes, but {shape_text(sizes)} has {len(sizes)}",
        step=step,
        labels=places(
            case.trace, step, "in_channels", f"takes {_MAPS[axes]}"
        ),
        why=(f"{class_name(case.trace, step)} takes {_MAPS[axes]}; {given} arrive",),
        proposals=_rank_proposals(case, step, sizes, axes),
    )  # fmt: skip


def _rank_proposals(
    case: Case, step: Step, sizes: tuple[int, ...], axes: int
) -> Iterator[Proposal]:
    trace, attrs = case.trace, step.attrs
    if not isinstance(attrs, ConvAttrs | PoolAttrs):
        return
    channels = attrs.in_channels if isinstance(attrs, ConvAttrs) else 0
    ones = [axis for axis, size in enumerate(sizes) if size == 1 and axis]
    if len(sizes) == axes + 3 and ones:
        yield from edit_operand(step, trace, f".squeeze({ones[0]})", "drop the axis of 1")
    if len(sizes) == axes + 3 and sizes[2] == channels:
        yield from each_frame(trace, step, sizes)
    if len(sizes) == axes + 3:
        yield from edit_operand(step, trace, ".flatten(0, 1)", "fold the two leading axes")
    if axes == 1 and len(sizes) == 2:
        if channels == sizes[1] and channels != 1:
            yield from edit_operand(step, trace, ".unsqueeze(2)", "add an axis of length 1")
        yield from edit_operand(step, trace, ".unsqueeze(1)", "add the channel axis")
    if len(sizes) == axes:
        yield from edit_operand(step, trace, "[None, None]", "add the batch and the channel axis")
    if len(sizes) == 2 and axes == 2 and channels:
        side = round((sizes[1] / channels) ** 0.5)
        if side > 1 and channels * side * side == sizes[1]:
            yield from edit_operand(
                step, trace, f".unflatten(1, ({channels}, {side}, {side}))",
                f"give the {sizes[1]} values their {channels} x {side} x {side} form",
            )  # fmt: skip
    if len(sizes) == 2 and axes > 1 and channels == sizes[1]:
        new_axes = ", ".join(["None"] * axes)
        form = " x ".join(["1"] * axes)
        yield from edit_operand(
            step,
            trace,
            f"[:, :, {new_axes}]",
            f"give each of the {channels} channels a map of {form}",
        )
    yield from _go_around(step, trace, sizes)


def _go_around(step: Step, trace: Trace, sizes: tuple[int, ...]) -> Iterator[Proposal]:
    """Leave a stack of convolutions out, where what arrives is a vector and no map."""
    if not entered_through(trace, step) or len(sizes) != 2:
        return
    found = operand_nodes(step.call_site)
    if found is None or not found[1]:
        return
    code, operand = found[0], found[1][0]
    node = code.at(step.call_site) if step.call_site is not None else None
    if node is None or step.call_site is None or isinstance(code.parent(node), ast.Return):
        return
    from shapescope.diagnostic import Edit

    yield Proposal(
        f"a row of {sizes[1]} values is no map: go around the convolutions",
        (Edit(step.call_site, code.text(operand)),),
        kind="around",
    )


def _mismatch(
    case: Case,
    step: Step,
    sizes: tuple[int, ...],
    wanted: int,
    channels: int,
    maker: Step | None,
    between: list[Step],
) -> Finding:
    trace = case.trace
    return finding(
        IN_CHANNELS,
        f"`{name_of(step)}` takes {plural(wanted, 'channel')}, but {arrive(channels)}",
        step=step,
        labels=(
            *places(trace, step, "in_channels", f"in_channels = {wanted}"),
            *(
                label(origin.span, "the number comes from here")
                for origin in _given_around(trace, step, wanted)
            ),
            _maker_label(trace, maker, channels),
        ),
        why=_why(trace, step, wanted, maker, between),
        notes=(_cat_note(maker),),
        proposals=_mismatch_proposals(case, step, sizes, wanted, channels, maker),
    )


def _maker_label(trace: Trace, maker: Step | None, channels: int) -> Label | None:
    if maker is None:
        return None
    argument = output_argument(maker)
    text = f"`{name_of(maker)}` makes {plural(channels, 'channel')}"
    if argument is not None:
        return argument_label(trace, maker.path, argument, text)
    span = maker.call_site
    return None if span is None else Label(span, text)


def _why(
    trace: Trace, step: Step, wanted: int, maker: Step | None, between: list[Step]
) -> tuple[str, ...]:
    attrs = step.attrs
    if not isinstance(attrs, ConvAttrs):
        return ()
    groups = attrs.groups
    weight = (attrs.out_channels, wanted // groups, *attrs.kernel_size)
    if step.op.startswith("conv_transpose"):
        weight = (wanted, attrs.out_channels // groups, *attrs.kernel_size)
    needs = (
        f"weight {shape_text(weight)} needs {wanted // groups} * groups({groups}) = {wanted}"
        if not step.op.startswith("conv_transpose")
        else f"weight {shape_text(weight)} needs {wanted}"
    )
    rows = []
    if maker is None:
        spec = step.inputs[0]
        rows.append((spec.name or "input", shape_text(spec.shape)))
        if between:
            first = between[0].inputs[0]
            rows = [(first.name or "input", shape_text(first.shape))]
    elif maker.outputs:
        rows.append((name_of(maker), shape_text(maker.outputs[0].shape)))
    if between:
        last = between[-1]
        names = names_list([class_name(trace, one) for one in between])
        verb = "keep" if " and " in names else "keeps"
        shown = shape_text(last.outputs[0].shape)
        rows.append((name_of(last), f"{shown}   ({names} {verb} the channels)"))
    rows.append((name_of(step), needs))
    width = max(len(name) for name, _ in rows)
    return tuple(f"{name:<{width}}  {text}" for name, text in rows)


def _cat_note(maker: Step | None) -> str | None:
    parts = _parts(maker)
    return f"cat joins {' + '.join(map(str, parts))} channels" if len(parts) > 1 else None


def _parts(maker: Step | None) -> tuple[int, ...]:
    """The channels that a cat joined."""
    if maker is None or maker.op != "cat":
        return ()
    return tuple(size for spec in maker.inputs for size in ints(spec.shape)[1:2])


def _mismatch_proposals(
    case: Case,
    step: Step,
    sizes: tuple[int, ...],
    wanted: int,
    channels: int,
    maker: Step | None,
) -> Iterator[Proposal]:
    trace = case.trace
    if maker is None and len(sizes) == 5 and sizes[2] == wanted:
        yield from edit_operand(
            step, trace, ".transpose(1, 2)", f"bring the {wanted} channels in front of the frames"
        )
        return
    yield from spare_layer(trace, step)
    yield from running_index(trace, step)
    yield from carry_width(trace, step)
    yield from carry_on(trace, step, "in_channels", channels)
    if isinstance(step.attrs, ConvAttrs) and len(sizes) == len(step.attrs.kernel_size) + 1:
        yield from keep_reduced(trace, step)
    yield from set_argument(
        trace,
        step.path,
        "in_channels",
        channels,
        f"take the {channels} that arrive",
        parts=_parts(maker),
    )
    yield from written_number(trace, step.path, "in_channels", wanted, channels)
    yield from _made_around(trace, step, wanted, channels)
    yield from make_instead(trace, maker, wanted)
    if maker is not None:
        return
    axis = (
        1
        if isinstance(step.attrs, ConvAttrs) and len(sizes) == len(step.attrs.kernel_size) + 2
        else 0
    )
    rest = ["-1"] * len(sizes)
    rest[axis] = str(wanted)
    if wanted == 1:
        yield from edit_operand(
            step, trace, f".mean(dim={axis}, keepdim=True)",
            f"average the {channels} channels into one",
        )  # fmt: skip
    elif channels == 1:
        yield from edit_operand(
            step, trace, f".expand({', '.join(rest)})",
            f"repeat the one channel {wanted} times",
        )  # fmt: skip
    elif channels == wanted + 1:
        taken = ", ".join([":"] * axis + [f":{wanted}"])
        yield from edit_operand(
            step, trace, f"[{taken}]", f"drop the last of the {channels} channels"
        )


def _made_around(trace: Trace, step: Step, wanted: int, channels: int) -> Iterator[Proposal]:
    """The number given to the module that holds the weights of a functional convolution."""
    for origin in _given_around(trace, step, wanted):
        yield Proposal(
            f"take the {channels} that arrive",
            (origin.code.replace(origin.node, str(channels)),),
            kind="consumer",
        )


def _given_around(trace: Trace, step: Step, wanted: int) -> tuple[Origin, ...]:
    call = constructor_of(trace, step.path) if step.kind == "function" and step.path else None
    if call is None or wanted < 2:
        return ()
    given = [*call.node.args, *(keyword.value for keyword in call.node.keywords)]
    return tuple(
        origin
        for node in given
        for origin in origins_of(trace, step.path.rpartition(".")[0], call.code, node)
        if isinstance(origin.node, ast.Constant) and origin.node.value == wanted
    )


def values_of(sizes: tuple[int, ...]) -> int:
    """How many values one sample has."""
    return prod(sizes[1:])
