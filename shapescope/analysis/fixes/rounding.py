"""Edits for maps that differ by a few rows: rounded up, padded, cropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import constructor_of
from shapescope.analysis.diagnosis.branches import Branch
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, spatial_axes
from shapescope.analysis.diagnosis.words import name_of
from shapescope.analysis.fixes.decoder import other_windows, several_rows
from shapescope.analysis.fixes.listed import resize_listed
from shapescope.analysis.fixes.operands import operand_of, wrap
from shapescope.analysis.fixes.padding import is_even, keep_sizes
from shapescope.analysis.fixes.resample import functional_name, pad_and_crop
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.diagnostic import Edit
from shapescope.ops import lookup
from shapescope.trace import Step, Trace


def nearly(smaller: Sequence[int], larger: Sequence[int]) -> bool:
    """Whether maps differ by rounding, not by a stride."""
    return all(m - n <= max(2, n // 4) for n, m in zip(smaller[2:], larger[2:], strict=True))


def round_alike(trace: Trace, step: Step, smaller: Branch, larger: Branch) -> Iterator[Proposal]:
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
    if was_enlarged(larger) and not was_enlarged(smaller):
        yield from resize_alike(step, larger, smaller)
    yield from resize_alike(step, smaller, larger)
    yield from pad_and_crop(trace, max(smaller.total_stride(), larger.total_stride()), 2)
    yield from _crop(step, smaller, larger)


def _eats(layer: Step) -> bool:
    """Whether a convolution of stride 1 gives less than it gets, for want of padding."""
    attrs = layer.attrs
    if not isinstance(attrs, ConvAttrs) or layer.op.startswith("conv_transpose"):
        return False
    shrinks = ints(layer.outputs[0].shape)[2:] < ints(layer.inputs[0].shape)[2:]
    return max(attrs.stride) == 1 and shrinks


def was_enlarged(branch: Branch) -> bool:
    """Whether a branch was made larger on its way since the fork."""
    return any(
        step.op == "interpolate" or step.op.startswith("conv_transpose") for step in branch.own
    )


def _half_window(trace: Trace, layer: Step, half: int) -> str:
    """Half a window, spelled with the dilation as the constructor spells it.

    An even window has no half that keeps the size; `"same"` pads its ends unlike one another.
    """
    if isinstance(layer.attrs, ConvAttrs) and is_even(layer.attrs):
        return '"same"'
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


def resize_alike(step: Step, smaller: Branch, larger: Branch) -> Iterator[Proposal]:
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
