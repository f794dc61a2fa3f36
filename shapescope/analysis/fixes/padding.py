"""Paddings of convolutions: made to keep the size of their maps, or as small as they have to be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, constructor_of
from shapescope.analysis.code.origins import value_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.flatten import is_own
from shapescope.attrs import ConvAttrs
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace


def keep_sizes(trace: Trace, axes: int) -> Iterator[Proposal]:
    """Half a window of padding for every convolution that has none, all in one go.

    A network whose skips join maps of one size, and that nowhere crops, was meant to keep the
    sizes; those not reached yet are padded as well.

    Args:
        trace: tells where the constructors are.
        axes: of the maps that the windows slide over.
    """
    edits: dict[object, Edit] = {}
    paddings: set[str] = set()
    for spec in trace.modules:
        if spec.class_name != f"Conv{axes}d":
            continue
        call = constructor_of(trace, spec.path)
        if call is None or not is_own(call.span):
            continue
        half = _missing(trace, spec.path, call)
        if half:
            edits[call.span] = call.set("padding", half)
            paddings.add(half)
    if len(edits) < 2:
        return
    listed = " or ".join(sorted(paddings))
    yield Proposal(
        f"let the convolutions keep the size: padding={listed}",
        tuple(edits.values()),
        remark="no weight changes",
        kind="pad",
    )


def is_even(attrs: ConvAttrs) -> bool:
    """Whether a window of stride 1 has no half that keeps the size of the map."""
    reaches = (
        dilation * (kernel - 1)
        for kernel, dilation in zip(attrs.kernel_size, attrs.dilation, strict=True)
    )
    return max(attrs.stride) == 1 and any(reach % 2 for reach in reaches)


def _missing(trace: Trace, path: str, call: CallSource) -> str:
    """Half the window of a convolution of stride 1 and no padding; nothing for any other.

    Half of an even window does not keep the size: `"same"` pads its ends unlike one another.
    """
    window = call.argument("kernel_size")
    padding, stride = call.argument("padding"), call.argument("stride")
    if window is None or call.argument("dilation") is not None:
        return ""
    size = value_of(trace, path, call.code, window)
    if size is None and isinstance(window, ast.Tuple):
        sizes = {value_of(trace, path, call.code, one) for one in window.elts}
        size = sizes.pop() if len(sizes) == 1 else None
    given = 0 if padding is None else value_of(trace, path, call.code, padding)
    step = 1 if stride is None else value_of(trace, path, call.code, stride)
    if size is None or size < 2 or given != 0 or step != 1:
        return ""
    return str(size // 2) if size % 2 else '"same"'


def smaller_output_padding(trace: Trace, step: Step) -> Iterator[Proposal]:
    """The largest output_padding that a transposed convolution takes, where it has a larger one.

    It has to be less than the stride or the dilation of its axis.
    """
    attrs = step.attrs
    if not isinstance(attrs, ConvAttrs) or not attrs.output_padding:
        return
    axes = zip(attrs.output_padding, attrs.stride, attrs.dilation, strict=True)
    largest = {min(extra, max(stride, dilation) - 1) for extra, stride, dilation in axes}
    if len(largest) == 1 and largest != set(attrs.output_padding):
        bound = "stride" if max(attrs.stride) >= max(attrs.dilation) else "dilation"
        text = f"the most that fits: one less than the {bound}"
        yield from set_argument(trace, step.path, "output_padding", largest.pop(), text)
