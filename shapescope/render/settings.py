"""A step's operation and its settings in a few characters: `conv2d 5x5`, `k5 s2 p1`."""

from __future__ import annotations

from math import prod

from shapescope.attrs import (
    AdaptivePoolAttrs,
    AttentionAttrs,
    CallAttrs,
    ConvAttrs,
    EmbeddingAttrs,
    FoldAttrs,
    FractionalPoolAttrs,
    LinearAttrs,
    NormAttrs,
    PadAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResizeAttrs,
    UnpoolAttrs,
)
from shapescope.render.shapes import per_axis
from shapescope.trace import Step

_RESHAPES = ("reshape", "view")
_SHOWN_ARGUMENTS = ("dim", "dims", "dim0", "dim1", "start_dim", "end_dim", "p", "split_size")
_USUAL_FLATTEN = (("start_dim", 1), ("end_dim", -1))


def op_text(step: Step) -> str:
    """The operation, its window where it has one: `max_pool2d 2x2`, `reshape (flatten)`."""
    if step.is_composite:
        return step.class_name
    kernel = kernel_of(step)
    if kernel:
        return f"{step.op} {'x'.join(map(str, kernel))}"
    if step.op in _RESHAPES and _flattens(step):
        return f"{step.op} (flatten)"
    return step.op


def kernel_of(step: Step) -> tuple[int, ...]:
    """The window of the step per axis, empty where it has none."""
    match step.attrs:
        case ConvAttrs() | PoolAttrs() | FractionalPoolAttrs() | UnpoolAttrs() | FoldAttrs():
            return step.attrs.kernel_size
        case _:
            return ()


def _flattens(step: Step) -> bool:
    """Whether a reshape does what flatten(1) does: the batch kept, the rest in one axis."""
    if len(step.inputs) != 1 or len(step.outputs) != 1:
        return False
    before, after = step.inputs[0].shape, step.outputs[0].shape
    if len(before) < 3 or len(after) != 2 or before[0] != after[0]:
        return False
    sizes = [size for size in before[1:] if isinstance(size, int)]
    return len(sizes) == len(before) - 1 and after[1] == prod(sizes)


def settings_text(step: Step, *, kernel: bool = True) -> str:
    """The settings that are not the default; without `kernel` the op column has it already."""
    words = _settings(step)
    if not kernel:
        words = [word for word in words if not word.startswith("k") or not word[1:2].isdigit()]
    return " ".join(words)


def _settings(step: Step) -> list[str]:
    match step.attrs:
        case ConvAttrs():
            return _conv(step.attrs)
        case PoolAttrs():
            return _pool(step.attrs)
        case AdaptivePoolAttrs(output_size):
            return ["to " + "x".join("*" if size is None else str(size) for size in output_size)]
        case FractionalPoolAttrs(kernel, output_size, ratio):
            target = per_axis(ratio, "ratio ") if ratio else per_axis(output_size or (), "to ")
            return [per_axis(kernel, "k"), target]
        case UnpoolAttrs(kernel, stride, padding):
            return [per_axis(kernel, "k"), per_axis(stride, "s"), *_unless(padding, 0, "p")]
        case FoldAttrs():
            return _fold(step.attrs)
        case PadAttrs(pad, mode):
            words = [",".join(map(str, pad))]
            return words if mode == "constant" else [*words, mode]
        case ResizeAttrs(size, scale, mode):
            target = "to " + "x".join(map(str, size)) if size else per_axis(scale or (), "x")
            return [target] if mode == "nearest" else [target, mode]
        case LinearAttrs(bias=False):
            return ["no bias"]
        case _:
            return _other(step)


def _conv(attrs: ConvAttrs) -> list[str]:
    words = [per_axis(attrs.kernel_size, "k"), *_unless(attrs.stride, 1, "s")]
    if isinstance(attrs.padding, str):
        words += [attrs.padding] if attrs.padding != "valid" else []
    else:
        words += _unless(attrs.padding, 0, "p")
    words += _unless(attrs.dilation, 1, "d") + _unless(attrs.output_padding, 0, "op")
    if attrs.groups != 1:
        words.append(f"g{attrs.groups}")
    if attrs.padding_mode != "zeros":
        words.append(attrs.padding_mode)
    return words


def _pool(attrs: PoolAttrs) -> list[str]:
    # A pool's stride is its kernel unless said otherwise: worth showing every time.
    words = [per_axis(attrs.kernel_size, "k"), per_axis(attrs.stride, "s")]
    words += _unless(attrs.padding, 0, "p") + _unless(attrs.dilation, 1, "d")
    if attrs.ceil_mode:
        words.append("ceil")
    if attrs.norm_type is not None:
        words.append(f"L{attrs.norm_type:g}")
    return words


def _fold(attrs: FoldAttrs) -> list[str]:
    words = [per_axis(attrs.kernel_size, "k"), *_unless(attrs.stride, 1, "s")]
    words += _unless(attrs.padding, 0, "p") + _unless(attrs.dilation, 1, "d")
    if attrs.output_size:
        words.append("to " + "x".join(map(str, attrs.output_size)))
    return words


def _unless(values: tuple[int, ...], default: int, prefix: str) -> list[str]:
    return [per_axis(values, prefix)] if any(value != default for value in values) else []


def _other(step: Step) -> list[str]:
    match step.attrs:
        case RecurrentAttrs():
            words = [f"{step.attrs.num_layers} layers"] if step.attrs.num_layers > 1 else []
            words += ["both ways"] if step.attrs.bidirectional else []
            return words + (["batch_first"] if step.attrs.batch_first else [])
        case AttentionAttrs(num_heads=heads, batch_first=batch_first):
            return [f"{heads} heads"] + (["batch_first"] if batch_first else [])
        case NormAttrs(num_groups=groups) if groups:
            return [f"{groups} groups"]
        case EmbeddingAttrs(num, dim):
            return [f"{num}->{dim}"]
        case CallAttrs():
            return _call(step)
        case _:
            return []


def _call(step: Step) -> list[str]:
    assert isinstance(step.attrs, CallAttrs)
    words = []
    for name, value in step.attrs.arguments:
        if name not in _SHOWN_ARGUMENTS or value is None:
            continue
        if step.op == "flatten" and (name, value) in _USUAL_FLATTEN:
            continue
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words.append(f"{name}={shown}")
    return words
