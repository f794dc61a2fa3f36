"""The sizes that a failing step speaks of: what arrives, and what it wants instead."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod

from shapescope.analysis.batch import ancestors
from shapescope.attrs import (
    AttentionAttrs,
    CallAttrs,
    ConvAttrs,
    LinearAttrs,
    NormAttrs,
    RecurrentAttrs,
)
from shapescope.trace import Step, Trace

__all__ = ["Mismatch", "inputs_behind", "is_crossed", "mismatches", "shapes_asked"]

Mismatch = tuple[int, int]
"""The size that arrives, and the one that is wanted."""

_PRODUCTS = frozenset({"matmul", "mm", "bmm", "mv", "addmm", "baddbmm"})
_MOST = 12
_AXES_OF_SEQUENCES = 3


def mismatches(trace: Trace, step: Step) -> list[Mismatch]:
    """What may have to be another size for a failing step to pass, the likeliest first."""
    found = [*_of_layer(step), *_of_call(step), *_between(trace, step)]
    kept = [pair for pair in dict.fromkeys(found) if pair[0] != pair[1] and min(pair) > 0]
    return kept[:_MOST]


def is_crossed(step: Step, mismatch: Mismatch) -> bool:
    """Whether what is wanted stands on another axis: then two axes have changed places."""
    arrived, wanted = mismatch
    shape = _shapes(step)[0] if step.inputs else ()
    return wanted in shape[1:] and arrived in shape[1:]


def shapes_asked(step: Step) -> list[tuple[int, ...]]:
    """The shapes of one sample that a view or reshape asks of a model's input itself."""
    asked = step.attrs.get("shape") if isinstance(step.attrs, CallAttrs) else None
    direct = step.op in ("view", "reshape") and step.inputs and step.inputs[0].name is not None
    if not direct or not isinstance(asked, tuple) or len(asked) < _AXES_OF_SEQUENCES:
        return []
    sizes = [size for size in asked[1:] if type(size) is int and size > 0]
    if len(sizes) < len(asked) - 1:
        return []
    return [tuple(size for size in sizes if size > 1), tuple(sizes)]


def inputs_behind(trace: Trace, step: Step) -> frozenset[str]:
    """The names of the model's inputs that a step's own come from."""
    behind = ancestors(trace, step.index)
    names = {spec.name for at in behind for spec in trace.steps[at].inputs}
    given = (spec.name for spec in trace.inputs if spec.name in names)
    return frozenset(name for name in given if name is not None)


def _of_layer(step: Step) -> Iterator[Mismatch]:
    attrs = step.attrs
    shape = _shapes(step)[0] if step.inputs else ()
    if not shape:
        return
    if isinstance(attrs, LinearAttrs):
        yield shape[-1], attrs.in_features
    elif isinstance(attrs, RecurrentAttrs):
        yield shape[-1], attrs.input_size
        if not attrs.cell and len(shape) == _AXES_OF_SEQUENCES:
            layers = attrs.num_layers * (2 if attrs.bidirectional else 1)
            state = (layers, shape[0 if attrs.batch_first else 1], attrs.hidden_size)
            for given in _shapes(step)[1:]:
                yield from zip(given, state, strict=False)
    elif isinstance(attrs, AttentionAttrs):
        yield shape[-1], attrs.embed_dim
    elif isinstance(attrs, ConvAttrs) and len(shape) > len(attrs.kernel_size):
        yield shape[-len(attrs.kernel_size) - 1], attrs.in_channels
    elif isinstance(attrs, NormAttrs):
        if attrs.normalized_shape:
            yield from zip(reversed(shape), reversed(attrs.normalized_shape), strict=False)
        elif attrs.num_features and len(shape) > 1:
            yield shape[1], attrs.num_features


def _of_call(step: Step) -> Iterator[Mismatch]:
    attrs = step.attrs
    shape = _shapes(step)[0] if step.inputs else ()
    if not isinstance(attrs, CallAttrs) or not shape:
        return
    for name in ("k", "size"):
        wanted = attrs.get(name)
        if type(wanted) is int:
            axis = attrs.get("dim") if name == "k" else attrs.get("dimension")
            yield (
                shape[axis if type(axis) is int and -len(shape) <= axis < len(shape) else -1],
                wanted,
            )
    sections, axis = attrs.get("split_size_or_sections"), attrs.get("dim")
    if isinstance(sections, tuple) and type(axis) is int and -len(shape) <= axis < len(shape):
        yield shape[axis], sum(size for size in sections if type(size) is int)
    index = attrs.get("index")
    if isinstance(index, tuple):
        for size, at in zip(shape, index, strict=False):
            if type(at) is int and at >= size:
                yield size, at + 1
    asked = attrs.get("shape")
    if step.op in ("view", "reshape") and isinstance(asked, tuple):
        known = [size for size in asked[1:] if type(size) is int and size > 0]
        if known:
            yield prod(shape[1:]), prod(known)
            yield shape[-1], known[-1]


def _between(trace: Trace, step: Step) -> Iterator[Mismatch]:
    """Sizes of two tensors that meet; those of a weight are the ones that are wanted.

    Two that were both made from one input say nothing of it: what does not fit is the model's.
    """
    shapes = _shapes(step)
    given = [spec.name for spec in trace.inputs]
    owned = [spec.name is not None and spec.name not in given for spec in step.inputs]
    pairs = itertools.permutations(range(len(shapes)), 2)
    known = [own or spec.name in given for own, spec in zip(owned, step.inputs, strict=True)]
    if len(given) == 1 and not any(known):
        return
    for one, other in sorted(pairs, key=lambda pair: (owned[pair[0]], not owned[pair[1]])):
        met = _met(step, one, other, shapes[one], shapes[other])
        yield from (pair for pair in met if min(pair) > 1)


def _met(
    step: Step, one: int, other: int, shape: tuple[int, ...], beside: tuple[int, ...]
) -> list[Mismatch]:
    """The sizes of one tensor, each with the size of another that it has to be like."""
    if step.op in _PRODUCTS and shape and beside:
        inner = (shape[-1], beside[-2:][0]) if one < other else (shape[-2:][0], beside[-1])
        return [inner]
    equation = step.attrs.get("equation") if isinstance(step.attrs, CallAttrs) else None
    if isinstance(equation, str):
        terms = [term.strip() for term in equation.partition("->")[0].split(",")]
        if len(terms) == len(step.inputs):
            mine, theirs = terms[one], terms[other]
            sizes = dict(zip(theirs, beside, strict=False))
            return [(size, sizes[it]) for it, size in zip(mine, shape, strict=False) if it in sizes]
    return list(zip(reversed(shape), reversed(beside), strict=False))


def _shapes(step: Step) -> list[tuple[int, ...]]:
    return [
        tuple(int(size) for size in spec.shape)
        for spec in step.inputs
        if all(isinstance(size, int) for size in spec.shape)
    ]
