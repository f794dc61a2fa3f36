"""Edits that let a decoder give back the size its target has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, main_input, spatial_after, spatial_axes
from shapescope.analysis.diagnosis.words import name_of, shape_text
from shapescope.attrs import ConvAttrs
from shapescope.trace import Step, Trace

_MOST_PADDING = 3
_MOST_TOGETHER = 5  # transposed convolutions tried together, the last ones of a way


def other_windows(trace: Trace, chain: Sequence[Step], sizes: Sequence[int]) -> Iterator[Proposal]:
    """Other paddings of transposed convolutions with which the map ends as it should.

    Args:
        trace: tells where the constructors are.
        chain: the way to the output.
        sizes: the map the target has.
    """
    for layer in _transposed(trace, chain):
        for name, value, changed in _variants(layer.attrs):
            if _ends(chain[layer.place :], {layer.step.index: changed}) == tuple(sizes):
                yield _set([(layer, value)], name, sizes)
                break
    yield from several_rows(trace, chain, sizes)


def other_scale(trace: Trace, chain: Sequence[Step], sizes: Sequence[int]) -> Iterator[Proposal]:
    """Another factor for the last resize on a way, behind which the map stays as it is."""
    for step in reversed(chain):
        if not spatial_axes(step):
            continue
        axes = len(sizes)
        given = ints(step.inputs[0].shape)[-axes:]
        call = (
            constructor_of(trace, step.path) if step.kind == "module" else call_at(step.call_site)
        )
        if step.op != "interpolate" or call is None or not all(given):
            if ints(step.inputs[0].shape)[-axes:] == ints(step.outputs[0].shape)[-axes:]:
                continue
            return
        ratios = {size // side for size, side in zip(sizes, given, strict=True)}
        whole = all(size % side == 0 for size, side in zip(sizes, given, strict=True))
        node = call.argument("scale_factor")
        if whole and len(ratios) == 1 and node is not None:
            (ratio,) = ratios
            yield Proposal(
                f"resize by {ratio}: {' x '.join(map(str, given))} becomes "
                f"{' x '.join(map(str, sizes))}",
                (call.code.replace(node, str(ratio)),),
                kind="scale",
            )
        return


def several_rows(trace: Trace, chain: Sequence[Step], sizes: Sequence[int]) -> Iterator[Proposal]:
    """Output paddings of several transposed convolutions that each lack a row, set together.

    A stride maps sizes such as 13 and 14 to the same 7, so a mirrored decoder ends short by more
    than its last layer can add.

    Args:
        trace: tells where the constructors are.
        chain: the way to the output.
        sizes: the map that is wanted.
    """
    layers = [layer for layer in _transposed(trace, chain) if max(layer.attrs.stride) > 1]
    layers = layers[-_MOST_TOGETHER:]
    if len(layers) < 2 or len({layer.call.span for layer in layers}) < len(layers):
        return
    choices = product(*(range(max(layer.attrs.stride)) for layer in layers))
    for values in sorted(choices, key=lambda values: (sum(values), values)):
        set_to = list(zip(layers, values, strict=True))
        settings = {
            layer.step.index: replace(
                layer.attrs, output_padding=(value,) * len(layer.attrs.kernel_size)
            )
            for layer, value in set_to
        }
        changed = [
            (layer, value)
            for layer, value in set_to
            if value != (layer.attrs.output_padding or (0,))[0]
        ]
        if len(changed) > 1 and _ends(chain[layers[0].place :], settings) == tuple(sizes):
            yield _set(changed, "output_padding", sizes)
            return


@dataclass(frozen=True, slots=True)
class _Layer:
    """A transposed convolution on a way, at its place, with its constructor."""

    place: int
    step: Step
    attrs: ConvAttrs
    call: CallSource


def _transposed(trace: Trace, chain: Sequence[Step]) -> Iterator[_Layer]:
    """The transposed convolutions of a way whose constructor can be edited."""
    for place, step in enumerate(chain):
        attrs = step.attrs
        if not step.op.startswith("conv_transpose") or not isinstance(attrs, ConvAttrs):
            continue
        call = constructor_of(trace, step.path) if step.kind == "module" else None
        if call is not None and call.callee.startswith("ConvTranspose"):
            yield _Layer(place, step, attrs, call)


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
    stride = max(attrs.stride)
    if stride > 1 and attrs.kernel_size != (stride,) * axes:
        yield "kernel_size", stride, replace(attrs, kernel_size=(stride,) * axes)


def _ends(part: Sequence[Step], settings: Mapping[int, ConvAttrs]) -> tuple[int, ...] | None:
    """The map at the end of a way some of whose steps have other settings."""
    first = part[0]
    axes = spatial_axes(first)
    sizes: tuple[int, ...] | None = ints(first.inputs[main_input(first)].shape)[-axes:]
    for step in part:
        if sizes is None:
            break
        attrs = settings.get(step.index)
        sizes = spatial_after(step if attrs is None else replace(step, attrs=attrs), sizes)
    return sizes


def _set(changed: Sequence[tuple[_Layer, int]], name: str, sizes: Sequence[int]) -> Proposal:
    values = {value for _, value in changed}
    if len(values) == 1:
        layers = " and ".join(f"`{name_of(layer.step)}`" for layer, _ in changed)
        text = f"{name}={values.pop()} in {layers}"
    else:
        each = ", ".join(f"{value} in `{name_of(layer.step)}`" for layer, value in changed)
        text = f"{name} {each}"
    return Proposal(
        f"{text} ends at {shape_text(sizes)}",
        tuple(layer.call.set(name, str(value)) for layer, value in changed),
        kind="window",
    )


def resize_the_end(step: Step, functional: str | None, sizes: Sequence[int]) -> Iterator[Proposal]:
    """An interpolation of what goes into the last step to the size the target has."""
    found = operand_nodes(step.call_site)
    if found is None or not found[1] or functional is None or step.op == "interpolate":
        return
    code, operand = found[0], found[1][0]
    text = f"{functional}.interpolate({code.text(operand)}, size=({', '.join(map(str, sizes))}))"
    yield Proposal(
        f"resize to {shape_text(sizes)} at the end", (code.replace(operand, text),), kind="resize"
    )


def unpadded(trace: Trace, chain: Sequence[Step]) -> Iterator[Proposal]:
    """Half a window of padding for the one convolution on the way that eats from its map."""
    eating = [
        step
        for step in chain
        if isinstance(step.attrs, ConvAttrs)
        and not step.op.startswith("conv_transpose")
        and max(step.attrs.stride) == 1
        and isinstance(step.attrs.padding, tuple)
        and ints(step.outputs[0].shape)[2:] < ints(step.inputs[0].shape)[2:]
    ]
    for step in eating:
        call = constructor_of(trace, step.path) if step.kind == "module" else None
        attrs = step.attrs
        if call is None or not isinstance(attrs, ConvAttrs):
            continue
        half = attrs.dilation[0] * (attrs.kernel_size[0] - 1) // 2
        yield Proposal(
            f"let `{name_of(step)}` keep the size: padding={half}",
            (call.set("padding", str(half)),),
            kind="padding",
        )
