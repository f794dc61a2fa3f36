"""Which memory the tensors of a pass lie in, and what of it autograd keeps.

A step makes new memory, unless its output is a view of its input or written over it. Views are
told as torch tells them: from strides, which are followed from step to step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from shapescope.analysis.step_check import verdicts
from shapescope.analysis.strides import (
    Strides,
    copied_for_product,
    fresh_strides,
    in_place,
    shared_strides,
    strides_of,
)
from shapescope.collection import collection_waits
from shapescope.ops import Op, lookup
from shapescope.trace import ParamSpec, Shape, Step, TensorSpec, Trace

_BYTES = {
    "float64": 8, "complex64": 8, "int64": 8, "complex128": 16, "float32": 4, "int32": 4,
    "uint32": 4, "uint64": 8, "complex32": 4, "qint32": 4, "float16": 2, "bfloat16": 2, "int16": 2,
    "uint16": 2,
}  # fmt: skip
"""Bytes a value; every other dtype has one."""

_NO_GRADIENT = frozenset({"detach", "data"})


def itemsize(dtype: str) -> int:
    """Bytes of one value."""
    return _BYTES.get(dtype, 1)


def tensor_bytes(spec: TensorSpec | ParamSpec) -> int:
    """Bytes of a tensor; 0 where a size is no number."""
    return _bytes(spec.shape, spec.dtype)


@lru_cache(maxsize=4096)
def _bytes(shape: Shape, dtype: str) -> int:
    total = itemsize(dtype)
    for size in shape:
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
        kept: per step, the pieces that autograd keeps for it, each once.
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


@collection_waits()
def storages(trace: Trace) -> Storages:
    """Follow the memory of all tensors through the steps, as in a pass with gradients."""
    if _latest and _latest[0][0] is trace:
        return _latest[0][1]
    found = _storages(trace)
    _latest[:] = [(trace, found)]
    return found


_latest: list[tuple[Trace, Storages]] = []
"""The last one asked for: the totals and the peaks ask for the same."""


def _storages(trace: Trace) -> Storages:
    result = Storages()
    inputs = {(spec.name, spec.shape): result.new(tensor_bytes(spec)) for spec in trace.inputs}
    result.outside = len(result.sizes)
    strides: list[Strides | None] = []
    # Only on meta is every size a number: elsewhere one may be open, or an axis ragged.
    named = trace.mode != "meta"
    for step, verdict in zip(trace.steps, verdicts(trace.steps), strict=True):
        if step.op == "module" or not step.outputs or (named and not _concrete(step)):
            result.held.append(())
            result.made.append(())
            result.kept.append(())
            result.needs_grad.append(False)
            result.scratch.append(0)
            strides.append(None)
            continue
        before: list[int | None] = []
        differentiable: list[bool] = []
        layouts: list[Strides] = []
        for spec, source in step.input_sources():
            if source is None:
                before.append(inputs.get((spec.name, spec.shape)))
                differentiable.append(False)
            else:
                before.append(_piece(result, spec, source))
                differentiable.append(result.needs_grad[source] and _is_float(spec.dtype))
            layouts.append(strides_of(spec, source, strides))
        row = lookup(step.op)
        layout = layouts[0] if layouts else None
        overwrites = in_place(step)
        shared = shared_strides(step, row, layout, overwrites)
        if shared is not None and before and before[0] is not None:
            held: tuple[int, ...] = (before[0],) * len(step.outputs)
            made: tuple[int, ...] = ()
            strides.append(shared)
        else:
            held = made = tuple([result.new(tensor_bytes(spec)) for spec in step.outputs])
            strides.append(shared if shared is not None else fresh_strides(step, row, layout))
        trainable = any(param.trainable for param in step.params)
        needs = (
            (trainable or any(differentiable))
            and _is_float(step.outputs[0].dtype)
            and not (row.factory or step.op in _NO_GRADIENT)
        )
        extra = row.extra_rule(step) if row.extra_rule is not None else 0
        beside = (result.new(extra),) if extra else ()
        if overwrites:
            result.copies.update(beside)
        first_copy = len(result.sizes)
        kept = _kept(
            result, step, row, before, held, differentiable, trainable, layouts, overwrites
        )
        copies = range(first_copy, len(result.sizes)) if needs else range(0)
        result.copies.update(copies)
        result.held.append(held)
        result.made.append((*made, *beside, *copies))
        result.needs_grad.append(needs)
        result.kept.append((*kept, *beside) if needs else ())
        result.scratch.append(verdict.scratch)
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
    overwrites: bool,
) -> tuple[int, ...]:
    """The memory that autograd keeps for a step, in the words of its row."""
    wanted: list[int | None] = []
    saves = row.saves if isinstance(row.saves, str) else row.saves(step)
    for word in saves.split() if row.shape_rule is not None else ["inputs"]:
        if word == "output":
            wanted.append(held[0])
        elif word == "input" and overwrites:
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
                    copied = copied_for_product(step, position, layouts[position])
                    wanted.append(
                        result.new(tensor_bytes(step.inputs[position])) if copied else piece
                    )
    return tuple(dict.fromkeys([piece for piece in wanted if piece is not None]))


@cache
def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat", "complex"))


def _concrete(step: Step) -> bool:
    return not any(
        type(size) is str for spec in (*step.inputs, *step.outputs) for size in spec.shape
    )
