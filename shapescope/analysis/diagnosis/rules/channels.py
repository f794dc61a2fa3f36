"""A convolution that gets another number of channels, or of axes, than it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import Origin, constructor_of, origins_of
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.layers import (
    as_the_maker,
    channel_maker,
    class_name,
    make_instead,
    names_list,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.rules.layouts import channels_last, missing_channel
from shapescope.analysis.diagnosis.rules.ranks import wrong_rank, wrong_weight
from shapescope.analysis.diagnosis.words import arrive, name_of, plural, shape_text
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.analysis.fixes.instead import spare_layer, swapped_numbers
from shapescope.analysis.fixes.literals import written_number
from shapescope.analysis.fixes.loops import (
    carry_on,
    carry_width,
    handed_on,
    next_entry,
    running_index,
)
from shapescope.analysis.fixes.turns import keep_reduced
from shapescope.attrs import ConvAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

IN_CHANNELS = declare(
    "conv-in-channels", "a convolution gets another number of channels than it takes"
)

_CONVS = tuple(f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3))


@failing(*_CONVS)
def conv_channels(case: Case) -> Iterator[Finding]:
    """Why a convolution refuses the axes or the channels that arrive."""
    step = case.failed
    if step is None or not isinstance(step.attrs, ConvAttrs) or not step.inputs:
        return
    sizes, axes = ints(step.inputs[0].shape), len(step.attrs.kernel_size)
    if not sizes:
        return
    if not step.op.endswith(f"{axes}d"):
        yield wrong_weight(step, step.attrs)
        return
    if len(sizes) not in (axes + 1, axes + 2):
        yield wrong_rank(case, step, sizes, axes)
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
        yield missing_channel(case, step, sizes)
    else:
        yield _mismatch(case, step, sizes, wanted, channels, maker, between)


def _joins(maker: Step) -> bool:
    """Whether a tensor was joined along axis 1, where the channels are."""
    return maker.op == "cat" and maker.inputs[0].shape[2:] == maker.outputs[0].shape[2:]


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
    yield from swapped_numbers(trace, step, channels)
    yield from as_the_maker(trace, step, "in_channels", maker)
    yield from running_index(trace, step)
    yield from next_entry(trace, step)
    yield from carry_width(trace, step)
    yield from carry_on(trace, step, "in_channels", channels)
    yield from handed_on(trace, step, "in_channels", channels)
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
