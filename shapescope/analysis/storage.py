"""Which memory the tensors of a pass lie in, and what of it autograd keeps.

A step makes new memory, unless its output is a view of its input or written over it. Views are
told as torch tells them: from strides, which are followed from step to step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod

from shapescope.attrs import CallAttrs
from shapescope.ops import Op, lookup
from shapescope.ops.pointwise import drops
from shapescope.trace import ParamSpec, Shape, Step, TensorSpec, Trace

Strides = tuple[int, ...]

_BYTES = {
    "float64": 8, "complex64": 8, "int64": 8, "complex128": 16, "float32": 4, "int32": 4,
    "uint32": 4, "uint64": 8, "complex32": 4, "qint32": 4, "float16": 2, "bfloat16": 2, "int16": 2,
    "uint16": 2,
}  # fmt: skip
"""Bytes a value; every other dtype has one."""

_RESHAPES = frozenset({"reshape", "view", "flatten", "unflatten", "reshape_as", "view_as"})
_KEEP_FORMAT = frozenset({"conv2d", "conv3d", "conv_transpose2d", "interpolate"})
_NO_GRADIENT = frozenset({"detach", "data"})
_DROPOUTS = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
)


def itemsize(dtype: str) -> int:
    """Bytes of one value."""
    return _BYTES.get(dtype, 1)


def tensor_bytes(spec: TensorSpec | ParamSpec) -> int:
    """Bytes of a tensor; 0 where a size is no number."""
    total = itemsize(spec.dtype)
    for size in spec.shape:
        if not isinstance(size, int):
            return 0
        total *= size
    return total


@dataclass(slots=True)
class Storages:
    """The memory of a pass, each piece by number.

    Attributes:
        sizes: bytes of each piece.
        outside: how many pieces belong to the caller: the inputs of the model. They come first.
        held: per step, the pieces its outputs lie in.
        made: per step, the pieces that it newly makes, also beside its outputs.
        kept: per step, the pieces that autograd keeps for it.
        needs_grad: per step, whether its output depends on a trainable parameter.
        scratch: per step, bytes that its kernel takes on the way and gives back.
        copies: the pieces that are made for the backward pass alone.
    """

    sizes: list[int] = field(default_factory=list)
    outside: int = 0
    held: list[tuple[int, ...]] = field(default_factory=list)
    made: list[tuple[int, ...]] = field(default_factory=list)
    kept: list[tuple[int, ...]] = field(default_factory=list)
    needs_grad: list[bool] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)
    copies: set[int] = field(default_factory=set)

    def new(self, size: int) -> int:
        """The number of a further piece."""
        self.sizes.append(size)
        return len(self.sizes) - 1


def storages(trace: Trace) -> Storages:
    """Follow the memory of all tensors through the steps, as in a pass with gradients."""
    result = Storages()
    inputs = {(spec.name, spec.shape): result.new(tensor_bytes(spec)) for spec in trace.inputs}
    result.outside = len(result.sizes)
    strides: list[Strides | None] = []
    symbolic = trace.mode == "symbolic"
    for step in trace.steps:
        if step.op == "module" or not step.outputs or (symbolic and not _concrete(step)):
            result.held.append(())
            result.made.append(())
            result.kept.append(())
            result.needs_grad.append(False)
            result.scratch.append(0)
            strides.append(None)
            continue
        given = step.input_sources()
        before = [
            inputs.get((spec.name, spec.shape)) if source is None else _piece(result, spec, source)
            for spec, source in given
        ]
        differentiable = [
            source is not None and result.needs_grad[source] and _is_float(spec.dtype)
            for spec, source in given
        ]
        row = lookup(step.op)
        layouts = [_strides_of(spec, source, strides) for spec, source in given]
        layout = layouts[0] if layouts else None
        shared = _shared_strides(step, row, layout)
        if shared is not None and before and before[0] is not None:
            held: tuple[int, ...] = (before[0],) * len(step.outputs)
            made: tuple[int, ...] = ()
            strides.append(shared)
        else:
            held = made = tuple(result.new(tensor_bytes(spec)) for spec in step.outputs)
            strides.append(shared if shared is not None else _fresh_strides(step, row, layout))
        trainable = any(param.trainable for param in step.params)
        needs = (
            _is_float(step.outputs[0].dtype)
            and (trainable or any(differentiable))
            and not (row.factory or step.op in _NO_GRADIENT)
        )
        extra = row.extra_rule(step) if row.extra_rule is not None else 0
        beside = (result.new(extra),) if extra else ()
        if _in_place(step):
            result.copies.update(beside)
        first_copy = len(result.sizes)
        kept = _kept(result, step, row, before, held, differentiable, trainable, layouts)
        copies = range(first_copy, len(result.sizes)) if needs else range(0)
        result.copies.update(copies)
        result.held.append(held)
        result.made.append((*made, *beside, *copies))
        result.needs_grad.append(needs)
        result.kept.append((*kept, *beside) if needs else ())
        result.scratch.append(row.scratch_rule(step) if row.scratch_rule is not None else 0)
    return result


def kept_bytes(trace: Trace) -> int:
    """Bytes of what autograd keeps for the backward pass, parameters apart.

    A tensor that several steps need, or views of it, counts once; the input of the model counts
    where a step keeps it.
    """
    found = storages(trace)
    pieces = {piece for kept in found.kept for piece in kept}
    return sum(found.sizes[piece] for piece in pieces)


def _piece(result: Storages, spec: TensorSpec, source: int) -> int | None:
    """The memory of that output of a step that has the shape of this input."""
    held = result.held[source]
    if len(held) < 2:
        return held[0] if held else None
    size = tensor_bytes(spec)
    return next((piece for piece in held if result.sizes[piece] == size), held[0])


def _kept(
    result: Storages,
    step: Step,
    row: Op,
    before: Sequence[int | None],
    held: tuple[int, ...],
    differentiable: Sequence[bool],
    trainable: bool,
    layouts: Sequence[Strides],
) -> tuple[int, ...]:
    """The memory that autograd keeps for a step, in the words of its row."""
    wanted: list[int | None] = []
    overwritten = _in_place(step)
    saves = row.saves if isinstance(row.saves, str) else row.saves(step)
    for word in saves.split() if row.shape_rule is not None else ["inputs"]:
        if word == "output":
            wanted.append(held[0])
        elif word == "input" and overwritten:
            # a copy of what was overwritten (which is the op's extra), or the result will do
            wanted.append(None if row.extra_rule is not None else held[0])
        elif word == "input":
            wanted.extend(before[:1])
        elif word == "inputs":
            wanted.extend(before)
        elif word == "indices":
            wanted.extend(before[1:])
        elif word == "partners":
            for position, piece in enumerate(before):
                others = trainable or any(
                    needs for other, needs in enumerate(differentiable) if other != position
                )
                if others:
                    copied = _copied_for_product(step, position, layouts[position])
                    wanted.append(
                        result.new(tensor_bytes(step.inputs[position])) if copied else piece
                    )
    return tuple(dict.fromkeys(piece for piece in wanted if piece is not None))


def _in_place(step: Step) -> bool:
    return isinstance(step.attrs, CallAttrs) and step.attrs.get("inplace") is True


@cache
def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat", "complex"))


def _concrete(step: Step) -> bool:
    return not any(
        type(size) is str for spec in (*step.inputs, *step.outputs) for size in spec.shape
    )


# --- strides


def contiguous(shape: Shape) -> Strides:
    """The strides of fresh memory: the last axis next to itself."""
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(int(size), 1)
    return tuple(reversed(strides))


def _copied_for_product(step: Step, position: int, layout: Strides) -> bool:
    """Whether a batch of matrices is copied: its batch axes do not lie behind one another."""
    sizes = step.inputs[position].shape
    if step.op not in ("matmul", "einsum") or len(sizes) < 4:
        return False
    batch = prod(int(size) for size in sizes[:-2])
    return _view_strides(sizes, layout, (batch, *sizes[-2:])) is None


def _strides_of(spec: TensorSpec, source: int | None, strides: Sequence[Strides | None]) -> Strides:
    """The strides of an input, as the step left them that made it."""
    known = None if source is None else strides[source]
    return known if known is not None and len(known) == len(spec.shape) else contiguous(spec.shape)


def _shared_strides(step: Step, row: Op, layout: Strides | None) -> Strides | None:
    """The strides of the output where it lies in the memory of the first input, else None."""
    if layout is None:
        return None
    made = step.outputs[0].shape
    if _in_place(step):
        return layout if len(layout) == len(made) else contiguous(made)
    if step.op in _DROPOUTS:
        return None if drops(step) else layout
    if not row.view:
        return None
    if step.op in _RESHAPES:
        return _view_strides(step.inputs[0].shape, layout, made)
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


def _view_strides(old: Shape, strides: Strides, new: Shape) -> Strides | None:
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


def _fresh_strides(step: Step, row: Op, layout: Strides | None) -> Strides:
    """The strides of new memory: in the order of the input's axes where the op keeps that."""
    made = step.outputs[0].shape
    if layout is None or len(layout) != len(made):
        return contiguous(made)
    elementwise = row.free and not row.changes_axes and not row.windowed
    keeps = (elementwise and "norm" not in step.op) or row.windowed or step.op == "batch_norm"
    if not keeps and step.op not in _KEEP_FORMAT:
        return contiguous(made)
    order = sorted(range(len(layout)), key=lambda at: (-layout[at], at))
    if row.windowed and order not in ([0, 2, 3, 1], [0, 2, 3, 4, 1]):
        return contiguous(made)
    fresh = contiguous(tuple(made[at] for at in order))
    result = [0] * len(made)
    for at, stride in zip(order, fresh, strict=True):
        result[at] = stride
    return tuple(result)
