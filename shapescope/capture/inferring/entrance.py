"""What the layers at a model's entrance say about its input: axes, channels, dtype."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shapescope.capture.inferring.rearranged import rearranged
from shapescope.capture.input_spec import InputSpec

__all__ = [
    "SIZE_ATTRIBUTES",
    "TOKENS",
    "Entrance",
    "entrances",
    "entrances_below",
    "required_arguments",
    "size_hints",
]

TOKENS = 16
"""Length of a sequence that may have any."""

_ANY_CHANNELS = 3
_AXES_OF_WEIGHT = 2
_CONVS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
SIZE_ATTRIBUTES = ("image_size", "img_size", "input_size", "input_resolution", "resolution")


@dataclass(frozen=True, slots=True)
class Entrance:
    """A layer that the input may reach first.

    Attributes:
        path: the layer's name.
        says: what it says, for people: `in_channels = 3`.
        head: sizes of the axes up to the free ones, batch first.
        free: number of free axes behind them, all of one size at first.
        sizes: sizes to try for the free axes, the likeliest first.
        dtype: of the input.
        bound: of integers.
    """

    path: str
    says: str
    head: tuple[int, ...]
    free: int = 0
    sizes: tuple[int, ...] = ()
    dtype: str = "float32"
    bound: int | None = None

    def spec(self, *sizes: int) -> InputSpec:
        """The input with these sizes of the free axes; one size stands for all."""
        spread = sizes * self.free if len(sizes) == 1 else sizes
        return InputSpec((*self.head, *spread), self.dtype, bound=self.bound)


def required_arguments(module: nn.Module) -> list[str]:
    """The positional arguments that `forward` needs; the first one where all have defaults."""
    if isinstance(module, torch.jit.ScriptModule):
        method: Any = module.forward
        arguments = method.schema.arguments[1:]
        needed = [argument.name for argument in arguments if not argument.has_default_value()]
        return needed or [argument.name for argument in arguments][:1]
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return ["input"]
    positional = [
        parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    needed = [parameter.name for parameter in positional if parameter.default is parameter.empty]
    if needed:
        return needed
    if positional:
        return [positional[0].name]
    variable = [item.name for item in parameters if item.kind is item.VAR_POSITIONAL]
    return variable[:1]


def entrances(module: nn.Module) -> list[Entrance]:
    """What each layer would take if it were first, in order of registration, none twice."""
    return _each_once(_entrances(module, "")) or _from_tables(module, dtype_of(module))


def entrances_below(module: nn.Module, path: str) -> list[Entrance]:
    """What the layers of a part of the model would take, in order of registration."""
    return _each_once(_entrances(module.get_submodule(path), path))


def _entrances(module: nn.Module, above: str) -> Iterator[Entrance]:
    dtype = dtype_of(module)
    for path, says, head, free, multiple in rearranged(module):
        sizes = [size for size in image_sizes(3, min(free, 2)) if size % multiple == 0]
        full = ".".join(part for part in (above, path) if part)
        yield Entrance(full, says, head, free, tuple(sizes) or (multiple * 8,), dtype)
    for path, layer in module.named_modules():
        full = ".".join(part for part in (above, path) if part)
        yield from _entrances_of(full or "the model", layer, _class_of(layer), dtype)


def _each_once(found: Iterator[Entrance]) -> list[Entrance]:
    kept: list[Entrance] = []
    for entrance in found:
        if all((entrance.head, entrance.free) != (it.head, it.free) for it in kept):
            kept.append(entrance)
    return kept


def _from_tables(module: nn.Module, dtype: str) -> list[Entrance]:
    """What a model without layers works on: what layers of its own say, or rows of a table.

    Rows are as wide as one side of the largest table.
    """
    tables = [
        (name, tensor)
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
        if tensor.dim() >= 2 and tensor.is_floating_point()
    ]
    if not tables:
        return []
    own = ((path, layer.__dict__.get("in_features")) for path, layer in module.named_modules())
    said = [
        entrance
        for path, features in own
        if type(features) is int and features > 0
        for entrance in _linear_entrances(path or "the model", features, dtype)
    ]
    name, table = max(tables, key=lambda item: item[1].numel())
    last, first = table.shape[-1], table.shape[0]
    sides = [(f"last axis = {last}", last), (f"first axis = {first}", first)]
    # A weight of two axes is a layer's that is written by hand, one of three a table of places.
    alone_first = table.dim() == _AXES_OF_WEIGHT and isinstance(table, nn.Parameter)
    rows_of_table = [
        Entrance(name, says, (1, *rows, width), dtype=dtype)
        for rows in (((), (TOKENS,)) if alone_first else ((TOKENS,), ()))
        for says, width in sides[: 1 + (first != last)]
    ]
    return _each_once(iter([*said, *rows_of_table]))


def size_hints(module: nn.Module) -> list[int]:
    """Square sizes that the model keeps in an attribute such as `image_size`."""
    hints: list[int] = []
    for layer in module.modules():
        for name in SIZE_ATTRIBUTES:
            value = layer.__dict__.get(name)
            if isinstance(value, tuple | list) and value and value[0] == value[-1]:
                value = value[0]
            if type(value) is int and 4 <= value <= 4096 and value not in hints:
                hints.append(value)
    for value in _defaults(module):
        if value not in hints:
            hints.append(value)
    return hints


def _defaults(module: nn.Module) -> list[int]:
    """The sizes that the constructor of the model would take by itself."""
    try:
        parameters = inspect.signature(type(module).__init__).parameters
    except (TypeError, ValueError):
        return []
    found = (parameters[name].default for name in SIZE_ATTRIBUTES if name in parameters)
    return [value for value in found if type(value) is int and 4 <= value <= 4096]


def dtype_of(module: nn.Module) -> str:
    """The dtype of the floats that a module works with."""
    for parameter in module.parameters():
        if parameter.is_floating_point():
            return str(parameter.dtype).removeprefix("torch.")
    return "float32"


def _class_of(layer: nn.Module) -> type:
    """The class of a layer; of a scripted one, the class that it was scripted from."""
    if not isinstance(layer, torch.jit.ScriptModule):
        return type(layer)
    kind = getattr(nn, str(getattr(layer, "original_name", "")), nn.Module)
    # A frozen or traced one has kept nothing but its weights.
    known = isinstance(kind, type) and all(
        hasattr(layer, name) for name in getattr(kind, "__constants__", ())
    )
    return kind if known else nn.Module


def _entrances_of(path: str, layer: Any, kind: type, dtype: str) -> Iterator[Entrance]:
    if issubclass(kind, nn.ModuleList) and len(layer) > 1:
        tables = [it for it in layer if isinstance(it, nn.Embedding)]
        if len(tables) == len(layer):
            bound = min(table.num_embeddings for table in tables)
            says = f"{len(tables)} tables"
            yield Entrance(path, says, (1, len(tables)), dtype="int64", bound=bound)
    for rank in (1, 2, 3):
        if issubclass(kind, _CONVS[rank]):
            # A lazy one takes any number of channels.
            channels = layer.in_channels or _ANY_CHANNELS
            says = f"in_channels = {layer.in_channels}" if layer.in_channels else "any in_channels"
            head = (1, channels)
            if rank == 3:
                # Frames are few and pictures large; a kernel of depth 1 wants no depth at all.
                frames = 1 if layer.kernel_size[0] == 1 else 16
                yield Entrance(path, says, (*head, frames), 2, (112, *image_sizes(3, 2)), dtype)
            yield Entrance(path, says, head, rank, image_sizes(channels, rank), dtype)
        elif issubclass(kind, _TRANSPOSED[rank]):
            says = f"in_channels = {layer.in_channels}"
            # A transposed convolution that starts from a point has nothing to be padded or spread.
            from_point = set(layer.padding) == {0} and set(layer.stride) == {1}
            sizes = (1, 4, 7, 8, 16, 32) if from_point else (8, 4, 7, 16, 32, 1)
            yield Entrance(path, says, (1, layer.in_channels), rank, sizes, dtype)
    if issubclass(kind, nn.Embedding | nn.EmbeddingBag):
        bound = layer.num_embeddings
        yield Entrance(path, f"num_embeddings = {bound}", (1, TOKENS), dtype="int64", bound=bound)
    elif issubclass(kind, nn.Linear):
        yield from _linear_entrances(path, layer.in_features or TOKENS, dtype)
    elif issubclass(kind, nn.RNNBase):
        yield Entrance(
            path, f"input_size = {layer.input_size}", (1, TOKENS, layer.input_size), dtype=dtype
        )
    elif issubclass(kind, nn.RNNCellBase):
        yield Entrance(path, f"input_size = {layer.input_size}", (1, layer.input_size), dtype=dtype)
    elif issubclass(kind, nn.MultiheadAttention):
        says = f"embed_dim = {layer.embed_dim}"
        yield Entrance(path, says, (1, TOKENS, layer.embed_dim), dtype=dtype)
    elif issubclass(kind, nn.LayerNorm):
        says = f"normalized_shape = {layer.normalized_shape}"
        yield Entrance(path, says, (1, *layer.normalized_shape), dtype=dtype)
        yield Entrance(path, says, (1, TOKENS, *layer.normalized_shape), dtype=dtype)
    elif issubclass(kind, nn.BatchNorm2d | nn.InstanceNorm2d):
        says, channels = f"num_features = {layer.num_features}", layer.num_features
        yield Entrance(path, says, (1, channels), 2, image_sizes(channels, 2), dtype)
    elif issubclass(kind, nn.BatchNorm1d):
        yield Entrance(
            path, f"num_features = {layer.num_features}", (1, layer.num_features), dtype=dtype
        )


def _linear_entrances(path: str, features: int, dtype: str) -> Iterator[Entrance]:
    says = f"in_features = {features}"
    for channels in (1, 3):
        size = round((features / channels) ** 0.5)
        if size >= 8 and channels * size * size == features:
            # 784 and 3072 are pictures that the model flattens; if not, the vector is next.
            yield Entrance(path, says, (1, channels, size, size), dtype=dtype)
    yield Entrance(path, says, (1, features), dtype=dtype)
    yield Entrance(path, says, (1, TOKENS, features), dtype=dtype)


def image_sizes(channels: int, rank: int) -> tuple[int, ...]:
    """Sizes to try for a convolution's input, the likeliest for so many channels first."""
    if rank == 1:
        return (128, 64, 1024, 256, 512, 32, 1000, 16, 100, 4096, 16_000, 28, 8)
    if rank == 3:
        return (32, 16, 64, 112, 24, 8, 128, 48)
    common = (64, 128, 256, 96, 48, 84, 299, 227, 160, 192, 384, 512, 416)
    if channels == 1:
        return (28, 32, 224, *common)
    if channels == 3:
        return (224, 32, 28, *common)
    return (
        (84, 64, 32, 224, 28, *common)
        if channels == 4
        else (32, 64, 224, 28, 14, 7, 16, 8, *common)
    )
