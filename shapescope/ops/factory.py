"""Ops that make tensors: zeros, arange, and the like of another one."""

from __future__ import annotations

from math import ceil, isfinite

from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import Ints, are_ints, argument, same_shape
from shapescope.trace import Step


def _size(step: Step) -> tuple[Ints, ...] | None:
    given = argument(step, "size")
    given = given if isinstance(given, tuple) else (given,)
    return (given,) if are_ints(given) else None


def _drawn_shape(step: Step) -> tuple[Ints, ...] | None:
    """The size of `randint`, which stands third, or second where the low bound is left out."""
    for name in ("size", "high"):
        given = argument(step, name)
        if isinstance(given, tuple):
            return (given,) if are_ints(given) else None
    return None


def _arange_shape(step: Step) -> tuple[Ints, ...] | None:
    start, end, stride = argument(step, "start"), argument(step, "end"), argument(step, "step", 1)
    if end is None:
        start, end = 0, start
    start = 0 if start is None else start
    numbers = [value for value in (start, end, stride) if isinstance(value, int | float)]
    # a size that keeps its formula is finite, and asking would end the formula
    endless = any(type(value) is float and not isfinite(value) for value in numbers)
    if len(numbers) < 3 or not stride or endless:
        return None
    return ((max(ceil((end - start) / stride), 0),),)


def _steps_shape(step: Step) -> tuple[Ints, ...] | None:
    count = argument(step, "steps")
    return ((count,),) if isinstance(count, int) else None


def _square(step: Step) -> tuple[Ints, ...] | None:
    rows = argument(step, "n")
    columns = argument(step, "m", rows)
    return ((rows, columns),) if are_ints((rows, columns)) else None


def _one_axis(step: Step) -> tuple[Ints, ...] | None:
    count = argument(step, "n", argument(step, "window_length"))
    return ((count,),) if isinstance(count, int) else None


def _indices(step: Step) -> tuple[Ints, ...] | None:
    rows, columns = argument(step, "row"), argument(step, "col")
    offset = argument(step, "offset", 0)
    if not are_ints((rows, columns, offset)):
        return None
    if step.op == "tril_indices":
        counts = (min(max(row + offset + 1, 0), columns) for row in range(rows))
    else:
        counts = (columns - min(max(row + offset, 0), columns) for row in range(rows))
    return ((2, sum(counts)),)


for _names, _signature, _rule in (
    ("zeros ones empty rand randn", "*size", _size),
    ("full", "size fill_value", _size),
    ("new_zeros new_ones new_empty", "input *size", _size),
    ("new_full", "input size fill_value", _size),
    ("empty_strided", "size stride", _size),
    ("empty_permuted", "size physical_layout", _size),
    ("new_empty_strided", "input size stride", _size),
    (
        "zeros_like ones_like empty_like full_like rand_like randn_like randint_like",
        "input fill_value",
        same_shape,
    ),
    ("arange range", "start end step", _arange_shape),
    ("linspace logspace", "start end steps", _steps_shape),
    ("eye", "n m", _square),
    ("randperm", "n", _one_axis),
    (
        "hann_window hamming_window blackman_window bartlett_window kaiser_window",
        "window_length",
        _one_axis,
    ),
    ("tril_indices triu_indices", "row col offset", _indices),
    ("tensor as_tensor scalar_tensor asarray from_numpy new_tensor frombuffer", "data", None),
    ("randint", "low high size", _drawn_shape),
    ("multinomial", "input num_samples replacement", None),
    ("parameter buffer", "data", None),
):
    for _name in _names.split():
        register(
            Op(
                _name,
                _signature,
                shape_rule=_rule,
                free=True,
                factory=True,
                observed=_rule is None,
            )
        )
