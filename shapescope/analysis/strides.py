"""How a tensor lies in its memory, followed from step to step as torch follows it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

from shapescope.attrs import CallAttrs
from shapescope.ops import Op
from shapescope.ops.activation import drops
from shapescope.trace import Shape, Step, TensorSpec

Strides = tuple[int, ...]

_RESHAPES = frozenset({"reshape", "view", "flatten", "unflatten", "reshape_as", "view_as"})
_KEEP_FORMAT = frozenset({"conv2d", "conv3d", "conv_transpose2d", "interpolate"})
_DROPOUTS = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
)


def in_place(step: Step) -> bool:
    """Whether the step writes over its first input."""
    return isinstance(step.attrs, CallAttrs) and step.attrs.get("inplace") is True


@lru_cache(maxsize=4096)
def contiguous(shape: Shape) -> Strides:
    """The strides of fresh memory: the last axis next to itself."""
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(int(size), 1)
    return tuple(reversed(strides))


def copied_for_product(step: Step, position: int, layout: Strides) -> bool:
    """Whether a batch of matrices is copied: its batch axes do not lie behind one another."""
    sizes = step.inputs[position].shape
    if step.op not in ("matmul", "einsum") or len(sizes) < 4:
        return False
    batch = prod(int(size) for size in sizes[:-2])
    return view_strides(sizes, layout, (batch, *sizes[-2:])) is None


def strides_of(spec: TensorSpec, source: int | None, strides: Sequence[Strides | None]) -> Strides:
    """The strides of an input, as the step left them that made it."""
    known = None if source is None else strides[source]
    return known if known is not None and len(known) == len(spec.shape) else contiguous(spec.shape)


def shared_strides(step: Step, row: Op, layout: Strides | None, overwrites: bool) -> Strides | None:
    """The strides of the output where it lies in the memory of the first input, else None.

    Args:
        step: a step that gives a tensor.
        row: of its op.
        layout: the strides of its first input.
        overwrites: whether it is done in place.
    """
    if layout is None:
        return None
    made = step.outputs[0].shape
    if overwrites:
        return layout if len(layout) == len(made) else contiguous(made)
    if step.op in _DROPOUTS:
        return None if drops(step) else layout
    if not row.view:
        return None
    if step.op in _RESHAPES:
        return view_strides(step.inputs[0].shape, layout, made)
    if step.op == "contiguous":
        return layout if layout == contiguous(made) or _is_dense(made, layout) else None
    if step.op == "getitem" and len(step.inputs) > 1:
        return None
    return _followed_strides(step, row, layout)


def _followed_strides(step: Step, row: Op, layout: Strides) -> Strides:
    """Strides through a view that moves, drops, adds or cuts axes."""
    made = step.outputs[0].shape
    if len(made) == len(layout) and step.op in ("chunk", "split", "tensor_split", "narrow"):
        return layout
    flows = row.flow(step)
    if not flows or len(flows[0]) != len(made):
        return layout if len(made) == len(layout) else contiguous(made)
    return tuple(0 if link is None else layout[link.axis] * int(link.stride) for link in flows[0])


def _is_dense(shape: Shape, strides: Strides) -> bool:
    """Whether these are the strides of fresh memory, but for axes of 1."""
    fresh = contiguous(shape)
    return all(size == 1 or one == two for size, one, two in zip(shape, strides, fresh,
                                                                  strict=True))  # fmt: skip


def view_strides(old: Shape, strides: Strides, new: Shape) -> Strides | None:
    """The strides with which `new` can be read from the memory of `old`; None: it must be copied.

    Axes that lie behind one another in memory form a block; every block has to be cut on its own.
    """
    if 0 in old:
        return contiguous(new)
    sizes = [(int(size), stride) for size, stride in zip(old, strides, strict=True) if size != 1]
    blocks: list[tuple[int, int]] = []
    for size, stride in sizes:
        if blocks and blocks[-1][1] == size * stride:
            blocks[-1] = (blocks[-1][0] * size, stride)
        else:
            blocks.append((size, stride))
    result: list[int] = []
    left, stride = blocks.pop() if blocks else (1, 1)
    for size in reversed([int(size) for size in new]):
        if size == 1:
            result.append(stride)
            continue
        if left == 1 and blocks:
            left, stride = blocks.pop()
        if left % size:
            return None
        result.append(stride)
        left //= size
        stride *= size
    return tuple(reversed(result)) if left == 1 and not blocks else None


def fresh_strides(step: Step, row: Op, layout: Strides | None) -> Strides:
    """The strides of new memory: in the order of the input's axes where the op keeps that."""
    made = step.outputs[0].shape
    if layout is None or len(layout) != len(made):
        return contiguous(made)
    elementwise = row.free and not row.changes_axes and not row.windowed
    keeps = (elementwise and "norm" not in step.op) or row.windowed or step.op == "batch_norm"
    if not keeps and step.op not in _KEEP_FORMAT:
        return contiguous(made)
    return _ordered_alike(layout, made, row.windowed)


@lru_cache(maxsize=4096)
def _ordered_alike(layout: Strides, made: Shape, windowed: bool) -> Strides:
    """Strides of new memory with its axes in the order they have in the old."""
    order = sorted(range(len(layout)), key=lambda at: (-layout[at], at))
    if windowed and order not in ([0, 2, 3, 1], [0, 2, 3, 4, 1]):
        return contiguous(made)
    fresh = contiguous(tuple(made[at] for at in order))
    result = [0] * len(made)
    for at, stride in zip(order, fresh, strict=True):
        result[at] = stride
    return tuple(result)
