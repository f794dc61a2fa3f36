"""Steps in the words of a figure: `5 x 5 conv, stride 2`, `2 x 2 max pool`, `6 @ 28 x 28`."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.attrs import (
    AdaptivePoolAttrs,
    AttentionAttrs,
    ConvAttrs,
    EmbeddingAttrs,
    FoldAttrs,
    FractionalPoolAttrs,
    LinearAttrs,
    NormAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResizeAttrs,
    UnpoolAttrs,
)
from shapescope.ops.registry import lookup
from shapescope.render.settings import op_text
from shapescope.render.shapes import per_axis, printable
from shapescope.trace import Shape, Step

JOINS = {"add": "+", "mul": "×", "cat": "concat", "stack": "stack", "sub": "-"}
"""Ops that bring branches together, as a figure names them."""

_RESHAPE_NAMES = (
    "reshape view flatten unflatten permute transpose movedim squeeze unsqueeze expand "
    "getitem chunk split contiguous repeat roll pad narrow select unbind swapaxes "
    "pixel_shuffle pixel_unshuffle channel_shuffle unfold fold tensor_unfold t"
)
_RESHAPES = frozenset(_RESHAPE_NAMES.split())
_ATTENTION = frozenset(("scaled_dot_product_attention", "multi_head_attention"))
_POOLS = frozenset(("mean", "adaptive_avg_pool2d", "amax"))
_PRODUCTS = frozenset(("matmul", "bmm", "mm", "einsum", "baddbmm", "addmm", "bilinear"))
_RESAMPLING = frozenset(("interpolate", "grid_sample", "max_unpool2d", "upsample"))


def kind_of(step: Step) -> str:
    """What the step is to a reader: one of `palette.KINDS`."""
    match step.attrs:
        case ConvAttrs():
            return "resize" if "transpose" in step.op else "conv"
        case PoolAttrs() | AdaptivePoolAttrs() | FractionalPoolAttrs():
            return "pool"
        case UnpoolAttrs() | ResizeAttrs():
            return "resize"
        case LinearAttrs() | EmbeddingAttrs():
            return "dense"
        case NormAttrs():
            return "norm"
        case RecurrentAttrs():
            return "recurrent"
        case AttentionAttrs():
            return "attention"
        case _:
            return _kind_of_name(step)


def _kind_of_name(step: Step) -> str:
    if step.is_composite:
        return "block"
    if _joins(step):
        return "merge"
    for kind, names in (
        ("attention", _ATTENTION),
        ("resize", _RESAMPLING),
        ("dense", _PRODUCTS),
        ("reshape", _RESHAPES),
        ("pool", _POOLS),
    ):
        if step.op in names:
            return kind
    row = lookup(step.op)
    if row.changes_axes:
        return "reshape"
    return "activation" if row.pointwise else "other"


def _joins(step: Step) -> bool:
    """Whether branches come together here; `cat` of a list of one is the first of its kind."""
    return step.op in JOINS and (step.op == "cat" or len(set(step.sources)) > 1)


def is_light(step: Step) -> bool:
    """Whether the step keeps its one input's shape and is told in a word: a norm, relu, dropout."""
    if len(set(step.sources)) != 1 or len(step.outputs) != 1 or not step.inputs:
        return False
    main = next((spec for spec in step.inputs if spec.name is None), step.inputs[0])
    if main.shape != step.outputs[0].shape:
        return False
    kind = kind_of(step)
    return kind in ("norm", "activation") or (kind == "other" and not step.params)


def words(step: Step) -> str:
    """The step in a few words, without its sizes."""
    match step.attrs:
        case ConvAttrs():
            return _conv_words(step.op, step.attrs)
        case PoolAttrs() | FractionalPoolAttrs() | UnpoolAttrs():
            return f"{_by(step.attrs.kernel_size)} {_pool_name(step.op)}"
        case AdaptivePoolAttrs(output_size):
            if all(size == 1 for size in output_size):
                return f"global {_pool_name(step.op)}"
            return f"{_pool_name(step.op)} to {_by(output_size)}"
        case ResizeAttrs(size, scale, mode):
            target = f" to {_by(size)}" if size else per_axis(scale or (), " x ")
            return f"{mode} resize{target}"
        case FoldAttrs():
            return f"{_by(step.attrs.kernel_size)} {step.op}"
        case AttentionAttrs(num_heads=heads):
            return f"attention, {heads} heads"
        case RecurrentAttrs():
            return _recurrent_words(step.op, step.attrs)
        case _:
            return _plain_words(step)


def _conv_words(op: str, attrs: ConvAttrs) -> str:
    name = "up-conv" if "transpose" in op else "conv"
    if attrs.groups > 1:
        depthwise = attrs.groups == attrs.in_channels
        name = f"depthwise {name}" if depthwise else f"{name}, {attrs.groups} groups"
    text = f"{_by(attrs.kernel_size)} {name}"
    if any(value != 1 for value in attrs.stride):
        text += per_axis(attrs.stride, ", stride ")
    if any(value != 1 for value in attrs.dilation):
        text += per_axis(attrs.dilation, ", dilation ")
    return text


def _pool_name(op: str) -> str:
    name = op.removeprefix("adaptive_").removeprefix("fractional_")
    for rank in ("1d", "2d", "3d"):
        name = name.removesuffix(rank)
    return name.replace("_", " ")


def _recurrent_words(op: str, attrs: RecurrentAttrs) -> str:
    name = op.upper() if len(op) <= 4 else op
    if attrs.bidirectional:
        name = f"bidirectional {name}"
    return f"{name}, {attrs.num_layers} layers" if attrs.num_layers > 1 else name


def _plain_words(step: Step) -> str:
    if step.is_composite:
        return printable(step.class_name)
    if _joins(step):
        return JOINS[step.op]
    if step.op == "scaled_dot_product_attention":
        return "attention"
    text = op_text(step)
    if text.endswith("(flatten)"):
        return "flatten"
    return printable(step.op.removesuffix("2d").replace("_", " "))


def _by(sizes: tuple[int | None, ...]) -> str:
    """`5 x 5`; an axis kept as it is reads `*`."""
    texts = ["*" if size is None else str(size) for size in sizes]
    return " x ".join(texts) if len(texts) > 1 else f"{texts[0]}-wide"


def unit_parts(steps: Sequence[Step]) -> tuple[str, ...]:
    """Several steps that are drawn as one, a part for each thing done; repeats once."""
    found: list[str] = []
    for step in steps:
        word = words(step)
        if not found or found[-1] != word:
            found.append(word)
    return tuple(found)


def size_text(shape: Shape, rank: int) -> str:
    """The shape without its batch: `6 @ 28 x 28` for maps of `rank` axes, else `12 x 64`."""
    inner = [printable(str(size)) for size in shape[1:]]
    if not inner:
        return "scalar" if not shape else printable(str(shape[0]))
    if rank and len(inner) == rank + 1:
        return f"{inner[0]} @ {' x '.join(inner[1:])}"
    return " x ".join(inner)
