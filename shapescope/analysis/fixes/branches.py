"""Edits that make branches fit: round alike, project, resize, keep a stride, join what is flat."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from shapescope.analysis.code import constructor_of
from shapescope.analysis.diagnosis.branches import Branch
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.rules.layers import make_instead, maker_of, output_argument
from shapescope.analysis.diagnosis.words import name_of
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.padding import keep_sizes
from shapescope.analysis.fixes.parts import all_parts
from shapescope.analysis.fixes.projection import project, project_always, spelled
from shapescope.analysis.fixes.ranked import give_axes
from shapescope.analysis.fixes.rounding import nearly, resize_alike, round_alike, was_enlarged
from shapescope.attrs import ConvAttrs
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
        yield from give_axes(step, *sorted(branches, key=lambda branch: len(branch.sizes)))
    if len(one.sizes) != len(two.sizes) or len(one.sizes) < 2:
        return
    maps_differ = one.sizes[2:] != two.sizes[2:]
    if step.op != "cat" and broadcast(one.sizes[2:], two.sizes[2:]) is not None:
        maps_differ = False
    channels_differ = one.sizes[1] != two.sizes[1] and step.op != "cat"
    if maps_differ:
        smaller, larger = sorted(branches, key=lambda branch: branch.sizes[2:])
        if nearly(smaller.sizes, larger.sizes):
            yield from round_alike(trace, step, smaller, larger)
        elif step.op == "cat":
            yield from keep_sizes(trace, len(smaller.sizes) - 2)
            yield from _keep_stride(trace, smaller)
            yield from resize_alike(step, smaller, larger)
    if channels_differ and not maps_differ and step.op == "mul":
        # a gate is no shortcut: its layer makes too few, or the other one does
        for branch, other in (branches, tuple(reversed(branches))):
            if branch.sizes[1] < other.sizes[1]:
                maker = maker_of(trace, step, branch.position)
                yield from all_parts(trace, maker, other.sizes[1])
        yield from _as_many(trace, branches)
    if channels_differ:
        for branch, other in (branches, tuple(reversed(branches))):
            if not branch.changing and other.changing:
                yield from project_always(step, branch, other)
    near = maps_differ and nearly(*sorted((one.sizes, two.sizes), key=lambda sizes: sizes[2:]))
    for branch, other in (branches, tuple(reversed(branches))):
        straight = not branch.changing and other.changing and step.op != "cat"
        if straight and (channels_differ or not near):
            yield from project(trace, step, branch, other)
    if maps_differ:
        smaller, larger = sorted(branches, key=lambda branch: branch.sizes[2:])
        if step.op != "cat" and was_enlarged(larger) and not near and not channels_differ:
            yield from resize_alike(step, larger, smaller)
        if step.op != "cat":
            yield from _take_stride(trace, smaller, larger)
        yield from _keep_stride(trace, smaller)
        if not channels_differ:
            yield from resize_alike(step, smaller, larger)
    if channels_differ and not maps_differ:
        for branch, other in (branches, tuple(reversed(branches))):
            yield from all_parts(trace, maker_of(trace, step, branch.position), other.sizes[1])
        yield from _as_many(trace, branches)
    elif one.sizes[:-1] == two.sizes[:-1] or len(one.sizes) == 3:
        yield from _as_wide(trace, step, branches)


def _as_many(trace: Trace, branches: Sequence[Branch]) -> Iterator[Proposal]:
    """The last layer of one branch made to give as many channels as the other one has."""
    makers = [
        (next((layer for layer in reversed(branch.own) if output_argument(layer)), None), other)
        for branch, other in (tuple(reversed(branches)), branches)
    ]
    # a number that is written in the call itself decides on nothing else
    for maker, other in sorted(makers, key=lambda pair: not _is_written(trace, pair[0])):
        yield from make_instead(trace, maker, other.sizes[1])


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
