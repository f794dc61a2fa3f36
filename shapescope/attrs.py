"""How a step was configured: one frozen record for each family of ops.

Sizes that belong to axes are tuples with one entry for each spatial axis, whether the user wrote
an int or a tuple. Every record is made by `make`, which freezes lists, so that equal settings are
equal records and survive the way through JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias, TypeVar

Plain: TypeAlias = bool | int | float | str | tuple["Plain", ...] | None


@dataclass(frozen=True, slots=True)
class ConvAttrs:
    """A convolution or a transposed one. `padding` is `same` or `valid` where the user named it."""

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    output_padding: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolAttrs:
    """A pool with a window: max, average or power average (then `norm_type` is the power)."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False
    count_include_pad: bool | None = None
    norm_type: float | None = None


@dataclass(frozen=True, slots=True)
class AdaptivePoolAttrs:
    """A pool that is told its output; None keeps the axis."""

    output_size: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class FractionalPoolAttrs:
    """A fractional max pool: told its output, or the ratio of it to the input."""

    kernel_size: tuple[int, ...]
    output_size: tuple[int, ...] | None = None
    output_ratio: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class UnpoolAttrs:
    """The partial inverse of a max pool; `output_size` only where the call named it."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_size: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class FoldAttrs:
    """Unfold (im2col), and fold, which is told the map it makes."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    output_size: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PadAttrs:
    """A pad in torch's order: the last axis first, before and after; negative amounts crop."""

    pad: tuple[int, ...]
    mode: str = "constant"


@dataclass(frozen=True, slots=True)
class ResizeAttrs:
    """An interpolation: to `size`, or by `scale_factor`."""

    size: tuple[int, ...] | None = None
    scale_factor: tuple[float, ...] | None = None
    mode: str = "nearest"


@dataclass(frozen=True, slots=True)
class LinearAttrs:
    """A linear map of the last axis."""

    in_features: int
    out_features: int
    bias: bool = True


@dataclass(frozen=True, slots=True)
class NormAttrs:
    """A normalisation.

    Attributes:
        batch_statistics: the mean and variance come from this very batch.
        stored_statistics: an instance norm takes them from storage, not from the sample.
    """

    num_features: int | None = None
    num_groups: int | None = None
    normalized_shape: tuple[int, ...] | None = None
    affine: bool = True
    batch_statistics: bool = False
    stored_statistics: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddingAttrs:
    """A table of vectors looked up by index."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None


@dataclass(frozen=True, slots=True)
class RecurrentAttrs:
    """An RNN, LSTM or GRU, or (`cell`) a single step of one."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    batch_first: bool = False
    bidirectional: bool = False
    proj_size: int = 0
    bias: bool = True
    cell: bool = False


@dataclass(frozen=True, slots=True)
class AttentionAttrs:
    """A multi-head attention with its own projections.

    `extra_keys` counts the keys that the layer itself adds: `add_bias_kv`, `add_zero_attn`.
    """

    embed_dim: int
    num_heads: int
    kdim: int
    vdim: int
    batch_first: bool = False
    extra_keys: int = 0


@dataclass(frozen=True, slots=True)
class ModuleAttrs:
    """A module that was opened: its steps are its children."""

    class_name: str


@dataclass(frozen=True, slots=True)
class CallAttrs:
    """The plain arguments of any other call, by torch's names: `dim`, `shape`, `index`, ..."""

    arguments: tuple[tuple[str, Plain], ...] = ()

    def get(self, name: str, default: Plain = None) -> Plain:
        """The argument called `name`, or the default where the call left it out."""
        for given, value in self.arguments:
            if given == name:
                return value
        return default


Attrs: TypeAlias = (
    ConvAttrs
    | PoolAttrs
    | AdaptivePoolAttrs
    | FractionalPoolAttrs
    | UnpoolAttrs
    | FoldAttrs
    | PadAttrs
    | ResizeAttrs
    | LinearAttrs
    | NormAttrs
    | EmbeddingAttrs
    | RecurrentAttrs
    | AttentionAttrs
    | ModuleAttrs
    | CallAttrs
)

FAMILIES: Mapping[str, type[Any]] = {
    "conv": ConvAttrs,
    "pool": PoolAttrs,
    "adaptive_pool": AdaptivePoolAttrs,
    "fractional_pool": FractionalPoolAttrs,
    "unpool": UnpoolAttrs,
    "fold": FoldAttrs,
    "pad": PadAttrs,
    "resize": ResizeAttrs,
    "linear": LinearAttrs,
    "norm": NormAttrs,
    "embedding": EmbeddingAttrs,
    "recurrent": RecurrentAttrs,
    "attention": AttentionAttrs,
    "module": ModuleAttrs,
    "call": CallAttrs,
}
_FAMILY_OF = {family: name for name, family in FAMILIES.items()}

A = TypeVar("A", bound=Attrs)


def make(family: type[A], **values: Any) -> A:
    """A record of `family`, its lists frozen to tuples."""
    return family(**{name: freeze(value) for name, value in values.items()})


def with_values(attrs: A, change: Callable[[Any], Any]) -> A:
    """The record with every value changed; of a tuple, each of its items."""

    def changed(value: Any) -> Any:
        return tuple(map(changed, value)) if isinstance(value, tuple) else change(value)

    if isinstance(attrs, CallAttrs):
        return replace(
            attrs, arguments=tuple((name, changed(value)) for name, value in attrs.arguments)
        )
    return replace(attrs, **{one.name: changed(getattr(attrs, one.name)) for one in fields(attrs)})


def freeze(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


def thaw(value: Any) -> Any:
    """Tuples as lists, all the way down: what JSON has."""
    return [thaw(item) for item in value] if isinstance(value, tuple) else value


def attrs_to_dict(attrs: Attrs | None) -> dict[str, Any] | None:
    """The record as JSON data, its family named under `family`."""
    if attrs is None:
        return None
    values: dict[str, Any] = {"family": _FAMILY_OF[type(attrs)]}
    if isinstance(attrs, CallAttrs):
        values["arguments"] = {name: thaw(value) for name, value in attrs.arguments}
    else:
        values |= {field.name: thaw(getattr(attrs, field.name)) for field in fields(attrs)}
    return values


def attrs_from_dict(data: Mapping[str, Any] | None) -> Attrs | None:
    """The record that `attrs_to_dict` wrote.

    Raises:
        ValueError: a family that does not exist.
    """
    if data is None:
        return None
    values = dict(data)
    name = values.pop("family", None)
    if name not in FAMILIES:
        raise ValueError(f"unknown family of attrs {name!r}")
    if name == "call":
        values["arguments"] = tuple(values["arguments"].items())
    record: Attrs = make(FAMILIES[name], **values)
    return record
