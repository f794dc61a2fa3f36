"""The inputs of a model, made from what a user asks for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.input_spec import (
    InputSpec,
    format_input,
    parse_input,
    parse_inputs,
    rebatch,
)
from shapescope.diagnostic import ShapescopeError

__all__ = [
    "InputSpec",
    "format_input",
    "input_names",
    "make_inputs",
    "parse_input",
    "parse_inputs",
    "rebatch",
]


_LENGTHS = frozenset(
    {"lengths", "length", "lens", "seq_len", "seq_lens", "seq_lengths", "src_len", "src_lengths",
     "text_lengths", "x_lengths", "input_lengths"}
)  # fmt: skip


def is_lengths(name: str | None) -> bool:
    """Whether an argument of this name holds the length of each sample's sequence."""
    return name is not None and name.lower().strip("_") in _LENGTHS


def _torch_dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def make_inputs(
    specs: Sequence[InputSpec],
    module: nn.Module,
    *,
    device: str | torch.device,
    seed: int = 0,
    overrides: Mapping[Path, str] | None = None,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments that the specs ask for.

    Floats are normal, integers lie below their bound (else below the smallest embedding of
    `module`, else 2), those called lengths from 1; booleans have at least one of each in a row of
    two or more. The values depend on `seed` alone: no other random state is read or changed.

    Args:
        specs: what is asked for, in order.
        module: the model the inputs are for.
        device: where they are made; nothing is allocated on `meta`.
        seed: of the random values.
        overrides: texts of edited files, for `@file.py:function`.

    Raises:
        ShapescopeError: a function of the user's that should return inputs does not.
    """
    generator = torch.Generator().manual_seed(seed)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    open_list: list[Tensor] | None = None
    # Without values no name tells which they are to be.
    positional = [] if str(device) == "meta" else input_names(module, len(specs))
    for spec in specs:
        if spec.source is not None:
            made, named = _from_function(spec.source, device, overrides)
            args.extend(made)
            kwargs.update(named)
            continue
        if spec.value is not None:
            value = json.loads(spec.value)
        else:
            at = len(args)
            name = spec.name or (positional[at] if at < len(positional) else None)
            least = int(is_lengths(name))
            value = _make_tensor(spec, module, torch.device(device), generator, least)
        if spec.listed and spec.name is None:
            if open_list is None:
                open_list = []
                args.append(open_list)
            open_list.append(value)
            continue
        open_list = None
        if spec.listed:
            value = [value]
        if spec.name is None:
            args.append(value)
        else:
            *outer, key = spec.name.split(".")
            holder = kwargs
            for name in outer:
                holder = holder.setdefault(name, {})
            holder[key] = value
    return tuple(args), kwargs


def make_target(spec: InputSpec, *, device: str | torch.device) -> Tensor:
    """What a loss compares the output with.

    Integers without a bound are class 0 or 1, which every classification has: how long a table of
    the model's is says nothing about its classes.
    """
    (target,), _ = make_inputs((spec,), nn.Identity(), device=device, seed=1)
    made: Tensor = target
    return made


def _make_tensor(
    spec: InputSpec,
    module: nn.Module,
    device: torch.device,
    generator: torch.Generator,
    least: int,
) -> Tensor:
    shape, dtype = spec.shape or (), _torch_dtype(spec.dtype)
    if device.type == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    if dtype == torch.bool:
        made = torch.rand(shape, generator=generator) < 0.5
        if shape and shape[-1] > 1:
            # A row that hides nothing or everything would not show what a mask does.
            made[..., 0], made[..., -1] = True, False
    elif dtype.is_floating_point or dtype.is_complex:
        wide = dtype if dtype.is_complex else torch.float32
        made = torch.randn(shape, generator=generator, dtype=wide)
    else:
        bound = spec.bound if spec.bound is not None else _smallest_embedding(module) or 2
        largest = min(bound, torch.iinfo(dtype).max)
        made = torch.randint(
            min(least, largest - 1), largest, shape, generator=generator, dtype=torch.int64
        )
    return made.to(device, dtype)


def _smallest_embedding(module: nn.Module) -> int | None:
    sizes = [
        layer.num_embeddings
        for layer in module.modules()
        if isinstance(layer, nn.Embedding | nn.EmbeddingBag)
    ]
    return min(sizes, default=None)


def _from_function(
    source: str, device: str | torch.device, overrides: Mapping[Path, str] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from shapescope.capture.loading.execute import call_function

    made = call_function(source, overrides=overrides)
    if isinstance(made, Tensor) or _is_record(made):
        made = (made,)
    if not isinstance(made, tuple | list | dict):
        raise ShapescopeError(
            f"--input @{source}: it returns {_a_type(made)}; "
            "return one tensor, or a tuple, list or dict of inputs"
        )
    moved = torch.utils._pytree.tree_map_only(Tensor, lambda tensor: tensor.to(device), made)
    if isinstance(moved, dict):
        wrong = [name for name in moved if not isinstance(name, str)]
        if wrong:
            raise ShapescopeError(
                f"--input @{source}: the key {wrong[0]!r} is not an argument name"
            )
        return (), moved
    return tuple(moved), {}


def _is_record(value: object) -> bool:
    """Whether a value is one input of named fields: a dataclass or a named tuple."""
    if isinstance(value, type):
        return False
    return is_dataclass(value) or (isinstance(value, tuple) and hasattr(value, "_fields"))


def _a_type(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def input_names(module: nn.Module, n: int) -> list[str | None]:
    """The names in `forward` of the first `n` positional arguments; None where it has none."""
    if isinstance(module, torch.jit.ScriptModule):
        method: Any = module.forward
        return [*(argument.name for argument in method.schema.arguments[1:]), *[None] * n][:n]
    forward = module.forward
    function = getattr(forward, "__func__", None)
    if type(function) is FunctionType and not function.__dict__:
        # A method as it was written: nothing wraps it, and nothing else tells its signature.
        code = function.__code__
        return [*code.co_varnames[1 : code.co_argcount], *[None] * n][:n]
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return [None] * n
    names: list[str | None] = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return (names + [None] * n)[:n]
