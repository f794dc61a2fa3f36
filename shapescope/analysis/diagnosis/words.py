"""How steps, tensors and sizes are called in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from shapescope.analysis.code import operand_texts
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.diagnostic import Label
from shapescope.trace import SourceSpan, Step

_POOLS = ("max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool")


def shape_text(sizes: Iterable[int | str]) -> str:
    """`1 x 6 x 28 x 28`; `a scalar` where there are no axes."""
    return " x ".join(map(str, sizes)) or "a scalar"


def name_of(step: Step) -> str:
    """What a step is called in a sentence: the module's path, or what the call does."""
    if step.kind == "module":
        return step.path or "the model"
    for pool in _POOLS:
        if step.op.startswith(pool):
            return "pool"
    return step.op.removesuffix("1d").removesuffix("2d").removesuffix("3d")


def settings_of(step: Step) -> str:
    """`(k11 s4 p2)`; empty for a step without a window."""
    attrs = step.attrs
    if not isinstance(attrs, ConvAttrs | PoolAttrs):
        return ""
    parts = [f"k{_axes(attrs.kernel_size)}"]
    padding = attrs.padding
    strided = isinstance(attrs, PoolAttrs) or any(size != 1 for size in attrs.stride)
    padded = isinstance(padding, str) or any(padding)
    if strided or padded:
        parts.append(f"s{_axes(attrs.stride)}")
    if padded:
        parts.append(f"p{padding if isinstance(padding, str) else _axes(padding)}")
    if any(size != 1 for size in attrs.dilation):
        parts.append(f"d{_axes(attrs.dilation)}")
    if isinstance(attrs, PoolAttrs) and attrs.ceil_mode:
        parts.append("ceil")
    return f"({' '.join(parts)})"


def _axes(values: Sequence[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def sizes_text(sizes: Sequence[int]) -> str:
    """`28` for a square map, `160 x 280` for another one."""
    if sizes and len(set(sizes)) == 1:
        return str(sizes[0])
    return " x ".join(map(str, sizes))


def product_text(factors: Sequence[int]) -> str:
    """`16 * 4 * 4`."""
    return " * ".join(map(str, factors))


def equation(factors: Sequence[int]) -> str:
    """`16 * 4 * 4 = 256`; a single factor stands for itself."""
    return str(factors[0]) if len(factors) == 1 else f"{product_text(factors)} = {prod(factors)}"


def plural(count: int, noun: str, several: str = "") -> str:
    """`1 channel`, `3 channels`; `several` where an s is not all: `3 axes`."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"


def arrive(count: int) -> str:
    """`1 arrives`, `3 arrive`."""
    return f"{count} arrives" if count == 1 else f"{count} arrive"


def here(step: Step, position: int = 0) -> str:
    """`` `x` is 1 x 256 here ``, under the call that takes the tensor."""
    written = operand_texts(step.call_site, position + 1)[position]
    shape = shape_text(step.inputs[position].shape)
    return f"`{written}` is {shape} here" if written else f"{shape} arrives here"


def operand_labels(step: Step) -> str:
    """`` `out` is 1 x 128 x 16 x 16, `x` is 1 x 64 x 32 x 32 ``."""
    written = operand_texts(step.call_site, len(step.inputs))
    parts = []
    for spec, text in zip(step.inputs, written, strict=True):
        shape = shape_text(spec.shape)
        parts.append(f"`{text}` is {shape}" if text else shape)
    return ", ".join(parts)


def primary(span: SourceSpan | None, text: str) -> Label | None:
    """The label under which the trouble shows."""
    return None if span is None else Label(span, text, True)
