"""Edits that let a decoder give back the size its target has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shapescope.analysis.code import CallSource, constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, main_input, spatial_after, spatial_axes
from shapescope.analysis.diagnosis.words import name_of, shape_text
from shapescope.attrs import ConvAttrs
from shapescope.trace import Step, Trace

_MOST_PADDING = 3


def other_windows(trace: Trace, chain: Sequence[Step], sizes: Sequence[int]) -> Iterator[Proposal]:
    """Another padding of one transposed convolution, with which the map ends as it should.

    Args:
        trace: tells where the constructors are.
        chain: the way to the output.
        sizes: the map the target has.
    """
    for number, step in enumerate(chain):
        attrs = step.attrs
        if not step.op.startswith("conv_transpose") or not isinstance(attrs, ConvAttrs):
            continue
        call = constructor_of(trace, step.path) if step.kind == "module" else None
        if call is None or not call.callee.startswith("ConvTranspose"):
            continue
        for name, value, changed in _variants(attrs):
            if _ends(chain[number:], changed) == tuple(sizes):
                yield _set(call, step, name, value, sizes)
                break


def _variants(attrs: ConvAttrs) -> Iterator[tuple[str, int, ConvAttrs]]:
    """The settings of a transposed convolution with one padding changed."""
    axes = len(attrs.kernel_size)
    given = attrs.output_padding or (0,) * axes
    for value in range(max(attrs.stride)):
        if given != (value,) * axes:
            yield "output_padding", value, replace(attrs, output_padding=(value,) * axes)
    for value in range(_MOST_PADDING):
        if attrs.padding != (value,) * axes:
            yield "padding", value, replace(attrs, padding=(value,) * axes)


def _ends(part: Sequence[Step], changed: ConvAttrs) -> tuple[int, ...] | None:
    """The map at the end of a way whose first step has other settings."""
    first = part[0]
    axes = spatial_axes(first)
    sizes: tuple[int, ...] | None = ints(first.inputs[main_input(first)].shape)[-axes:]
    for step in (replace(first, attrs=changed), *part[1:]):
        sizes = None if sizes is None else spatial_after(step, sizes)
    return sizes


def _set(call: CallSource, step: Step, name: str, value: int, sizes: Sequence[int]) -> Proposal:
    return Proposal(
        f"{name}={value} in `{name_of(step)}` ends at {shape_text(sizes)}",
        (call.set(name, str(value)),),
        kind="window",
    )


def resize_the_end(step: Step, functional: str | None, sizes: Sequence[int]) -> Iterator[Proposal]:
    """An interpolation of what goes into the last step to the size the target has."""
    found = operand_nodes(step.call_site)
    if found is None or not found[1] or functional is None:
        return
    code, operand = found[0], found[1][0]
    text = f"{functional}.interpolate({code.text(operand)}, size=({', '.join(map(str, sizes))}))"
    yield Proposal(
        f"resize to {shape_text(sizes)} at the end", (code.replace(operand, text),), kind="resize"
    )
