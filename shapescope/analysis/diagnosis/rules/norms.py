"""Normalisation over another axis, or another number of features, than arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import gcd, prod

from shapescope.analysis.code import constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import chain_to, ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import (
    channel_maker,
    class_name,
    make_instead,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.words import arrive, here, name_of, plural, primary, shape_text
from shapescope.analysis.fixes.commands import command
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import edit_operand, entered_through
from shapescope.analysis.fixes.operands import around
from shapescope.attrs import NormAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

FEATURES = declare("norm-features", "a normalisation gets another number of features than it has")
AXIS = declare("norm-axis", "a batch norm reads another axis than the one with the features")
RANK = declare("norm-rank", "a batch norm gets a tensor with another number of axes than it takes")
SINGLE = declare(
    "norm-single-value", "in training mode a batch norm gets a single value per channel"
)

_RANKS = {"BatchNorm1d": (2, 3), "BatchNorm2d": (4,), "BatchNorm3d": (5,)}


@failing("batch_norm", "instance_norm")
def channel_norm(case: Case) -> Iterator[Finding]:
    """Why a batch norm refuses what arrives."""
    step = case.failed
    if step is None or not isinstance(step.attrs, NormAttrs) or not step.inputs:
        return
    sizes, wanted = ints(step.inputs[0].shape), step.attrs.num_features
    if not sizes:
        return
    kind = class_name(case.trace, step)
    ranks = _RANKS.get(kind)
    if ranks is not None and len(sizes) not in ranks:
        yield _wrong_rank(case, step, sizes, kind, ranks)
        return
    channels = sizes[1] if len(sizes) > 1 else sizes[0]
    if wanted is not None and channels != wanted:
        maker, _ = channel_maker(case.trace, step)
        made = maker is not None and output_argument(maker) == "out_channels"
        if sizes[-1] == wanted and len(sizes) > 2 and not made:
            yield _other_axis(case, step, sizes, wanted, kind)
        else:
            yield _other_features(case, step, channels, wanted)
    elif len(sizes) > 1 and prod(sizes) == channels:
        yield _single_value(case, step, sizes, channels)


def _wrong_rank(
    case: Case, step: Step, sizes: tuple[int, ...], kind: str, ranks: tuple[int, ...]
) -> Finding:
    trace = case.trace
    right = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}.get(len(sizes))
    allowed = " or ".join(map(str, ranks))
    return finding(
        RANK,
        f"`{name_of(step)}` is a {kind} and takes {allowed} axes, "
        f"but {shape_text(sizes)} has {len(sizes)}",
        step=step,
        labels=places(trace, step, "num_features", f"{kind} takes {allowed} axes"),
        why=(f"{shape_text(sizes)}: axis 1 would hold the {step_features(step)} features",),
        proposals=_rank_proposals(case, step, sizes, right, kind),
    )


def step_features(step: Step) -> int:
    """How many features a norm has."""
    return (step.attrs.num_features or 0) if isinstance(step.attrs, NormAttrs) else 0


def _rank_proposals(
    case: Case, step: Step, sizes: tuple[int, ...], right: str | None, kind: str
) -> Iterator[Proposal]:
    features = step_features(step)
    if len(sizes) == 1:
        first = chain_to(case.trace, step)[0]
        yield from edit_operand(
            first, case.trace, ".unsqueeze(0)", "add the batch axis, if single samples are meant"
        )
    if len(sizes) == 3 and kind == "BatchNorm2d" and sizes[0] == features:
        yield from edit_operand(step, case.trace, ".unsqueeze(0)", "add the batch axis")
        return
    call = constructor_of(case.trace, step.path)
    if call is not None and right is not None and call.callee == kind:
        prefix = call.code.text(call.node.func).rpartition(".")[0]
        name = f"{prefix}.{right}" if prefix else right
        yield Proposal(f"{right} is the one for {len(sizes)} axes",
                       (call.code.replace(call.node.func, name),), kind="class")  # fmt: skip


def _other_axis(case: Case, step: Step, sizes: tuple[int, ...], wanted: int, kind: str) -> Finding:
    trace = case.trace
    rows = prod(sizes[:-1])
    return finding(
        AXIS,
        f"`{name_of(step)}` has {wanted} features and reads axis 1, which has {sizes[1]}",
        step=step,
        labels=(
            *places(trace, step, "num_features", f"num_features = {wanted}"),
            label(step.call_site, f"{here(step)}: the {wanted} features are the last axis")
            if entered_through(trace, step)
            else None,
        ),
        why=(
            f"{shape_text(sizes)}: axis 1 is {sizes[1]}, the last axis is {wanted}",
            (
                f"{' * '.join(map(str, sizes[:-1]))} = {rows} rows of {wanted} features are what "
                f"{name_of(step)} was made for"
            ),
        ),
        notes=(f"{kind}({sizes[1]}) would run, and normalise over the wrong axis",),
        proposals=(
            *_idle_axis(step, trace, sizes),
            *axis_proposals(step, trace, sizes),
        ),
    )


def _idle_axis(step: Step, trace: Trace, sizes: tuple[int, ...]) -> Iterator[Proposal]:
    """An axis of 1 behind the batch dropped, where the model's input has it."""
    if len(sizes) != 3 or sizes[1] != 1:
        return
    first = chain_to(trace, step)[0]
    if ints(first.inputs[0].shape)[:2] == sizes[:2] and len(first.inputs[0].shape) == 3:
        yield from edit_operand(first, trace, ".squeeze(1)", "drop the axis of 1 of the input")


def axis_proposals(step: Step, trace: Trace, sizes: tuple[int, ...]) -> Iterator[Proposal]:
    """The features brought to axis 1 for a batch norm, or its rows folded, and all put back."""
    last, rows = len(sizes) - 2, " x ".join(map(str, sizes[:-1]))
    found = operand_nodes(step.call_site)
    inner = "" if found is None or not found[1] else found[0].text(found[1][0])
    fold, turn = (
        [Proposal(message, edits, kind="axis")] if edits is not None else []
        for message, edits in (
            (
                f"let it see {prod(sizes[:-1])} rows, and give them their {rows} form again",
                around(step, f".flatten(0, {last})", f".unflatten(0, {inner}.shape[:{last + 1}])")
                if inner.isidentifier()
                else None,
            ),
            (
                "bring the features to axis 1, and back",
                around(step, ".transpose(1, -1)", ".transpose(1, -1)"),
            ),
        )
    )
    yield from (*fold, *turn) if entered_through(trace, step) else (*turn, *fold)


def _other_features(case: Case, step: Step, channels: int, wanted: int) -> Finding:
    trace = case.trace
    maker, _ = channel_maker(trace, step)
    argument = None if maker is None else output_argument(maker)
    made: Label | None = None
    if maker is not None and argument is not None:
        text = f"`{name_of(maker)}` makes {channels}"
        made = argument_label(trace, maker.path, argument, text)
    return finding(
        FEATURES,
        f"`{name_of(step)}` has {plural(wanted, 'feature')}, but {arrive(channels)}",
        step=step,
        labels=(*places(trace, step, "num_features", f"num_features = {wanted}"), made),
        why=(f"{shape_text(step.inputs[0].shape)}: axis 1 is {channels}, not {wanted}",),
        proposals=(
            *set_argument(
                trace, step.path, "num_features", channels, f"take the {channels} that arrive"
            ),
            *make_instead(trace, maker, wanted),
        ),
    )


def _single_value(case: Case, step: Step, sizes: tuple[int, ...], channels: int) -> Finding:
    trace = case.trace
    shapes = tuple((2, *spec.shape[1:]) if spec.shape else () for spec in trace.inputs)
    call = constructor_of(trace, step.path)
    group: list[Proposal] = []
    if call is not None and call.callee.startswith("BatchNorm"):
        prefix = call.code.text(call.node.func).rpartition(".")[0]
        node = call.argument("num_features")
        groups = gcd(32, channels)
        if channels // groups < 2:
            groups = max(channels // 4, 1) if channels % 4 == 0 else 1
        name = "GroupNorm" if len(sizes) > 2 else "LayerNorm"
        name = f"{prefix}.{name}" if prefix else name
        written = call.code.text(node) if node is not None else str(channels)
        text = f"{name}({groups}, {written})" if len(sizes) > 2 else f"{name}({written})"
        group = [
            replace(
                Proposal(text, (call.code.replace(call.node, text),), inline=True),
                kind="group",
            )
        ]
    return finding(
        SINGLE,
        f"`{name_of(step)}` gets a single value per channel, and in training mode it needs more",
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            *places(trace, step, "num_features", f"one mean over the batch for each of {channels}")[
                1:
            ],
        ),
        why=(
            f"{shape_text(sizes)}: {sizes[0]} {' '.join(f'* {size}' for size in sizes[2:])} = 1 "
            f"value for each of the {channels} channels; its variance is not defined".replace(
                "  ", " "
            ),
        ),
        notes=("in eval mode it uses its running statistics, and passes",),
        proposals=(
            Proposal(
                f"feed a batch of 2 or more: {command(trace, shapes, train=True)}",
                shapes=shapes,
                kind="feed",
            ),
            *group,
        ),
    )
