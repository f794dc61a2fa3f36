"""What an argument of a forward may be: by the layer that takes it, by its name, by its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from torch import nn

from shapescope.capture.inferring.argument_uses import Argument, Use
from shapescope.capture.inferring.entrance import (
    TOKENS,
    Entrance,
    dtype_of,
    entrances_below,
    image_sizes,
)
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.inputs import is_lengths

__all__ = ["Choice", "Place", "choices_for", "places_of"]

Choice: TypeAlias = Entrance | InputSpec
"""An input whose free sizes are still open, or one that is settled."""

_EDGES = 32
_NODES = 16
_SAMPLES = 16_000
_GRAPH = ("edge_index", "edges", "edge_list", "adj", "adjacency", "adj_matrix")
_WAVE = ("wav", "wave", "waveform", "waveforms", "audio", "audios", "signal", "speech")
_TIMES = ("t", "timestep", "timesteps", "time", "step", "steps", "time_step", "noise_level", "ts")
_HIDDEN = ("h", "h0", "h_0", "hidden", "hx", "hidden_state", "state", "prev_hidden")
_LABELS = ("y", "label", "labels", "cls", "class_labels", "target_class", "c")
_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_VALUES = {"int": "4", "float": "1.0", "bool": "false", "str": '""'}
_AXES_OF_TOKENS = 2
_AXES_OF_PICTURES = 4


@dataclass(frozen=True, slots=True)
class Place:
    """One tensor that forward needs: an argument, or what it holds under a key.

    Attributes:
        argument: the argument.
        key: "" for the argument itself.
        use: what forward does with it.
    """

    argument: Argument
    key: str
    use: Use

    @property
    def name(self) -> str:
        """Its own name."""
        return self.key or self.argument.name

    @property
    def full_name(self) -> str:
        """The name by which it is given."""
        return f"{self.argument.name}.{self.key}" if self.key else self.argument.name

    @property
    def by_name(self) -> bool:
        """Whether it can only be given by its name."""
        return bool(self.key) or self.argument.keyword


def places_of(arguments: Sequence[Argument]) -> list[Place]:
    """The tensors that a forward needs; those in a dict each by itself."""
    return [
        Place(argument, key, argument.uses.get(key, Use()))
        for argument in arguments
        for key in (argument.keys or [""])
    ]


def choices_for(place: Place, module: nn.Module, options: Sequence[Entrance]) -> list[Choice]:
    """What one place may hold, the likeliest first.

    Args:
        place: the place.
        module: the model.
        options: what each of its layers would take.
    """
    use = place.use
    options = [*_parts(options, use.repeats), *options]
    if use.is_complex:
        options = [replace(it, dtype=_COMPLEX.get(it.dtype, it.dtype)) for it in options]
    value = _value(place)
    if value is not None:
        return [value]
    if use.is_wave:
        return [Entrance("forward", "takes its spectrum", (1, _SAMPLES), dtype=dtype_of(module))]
    found: list[Choice] = []
    taken = [it for path in use.paths[:1] for it in entrances_below(module, path)]
    if use.is_complex:
        taken = []
    named = None if use.joined else _named(place.name, module, options)
    direct = any(not list(module.get_submodule(path).children()) for path in use.paths[:1])
    if direct and named is not None and taken and taken[0].dtype == named.dtype == "int64":
        named, direct = replace(named, bound=taken[0].bound), False
    if named is not None and not direct:
        found.append(named)
    found += _with_rank(taken, use.rank)
    if named is not None and direct:
        found.append(named)
    if use.may_be_none:
        found.append(InputSpec(None, name=place.full_name, value="null"))
    found += [it for it in _mixed(_with_rank(options, use.rank)) if it not in found]
    return found


def _value(place: Place) -> InputSpec | None:
    """The plain value that an argument takes, where it takes no tensor."""
    if place.key or place.use.paths:
        return None
    kind = place.argument.annotation
    if kind not in _VALUES:
        kind = "int" if place.use.counts else "bool" if place.use.decides else ""
    if not kind:
        return None
    return InputSpec(None, name=place.argument.name, value=_VALUES[kind])


def _parts(options: Sequence[Entrance], count: int) -> list[Entrance]:
    """What is concatenated `count` times has a part of the features that a layer takes."""
    if count < 2:
        return []
    return [
        replace(it, head=(*it.head[:-1], it.head[-1] // count))
        for it in options
        if not it.free and it.dtype != "int64" and it.head[-1] % count == 0
    ]


def _with_rank(options: Sequence[Entrance], rank: int | None) -> list[Entrance]:
    """The options with those first that have so many axes; made, where only features are known."""
    if rank is None:
        return list(options)
    fitting = [it for it in options if len(it.head) + it.free == rank]
    wide = [it for it in options if not it.free and it.dtype != "int64"]
    if not fitting and wide and rank > _AXES_OF_TOKENS:
        side = TOKENS if rank == _AXES_OF_TOKENS + 1 else 2 * TOKENS
        head = (1, *(side,) * (rank - 2), wide[0].head[-1])
        fitting = [replace(wide[0], head=head)]
    if rank == _AXES_OF_TOKENS + 1 and options and options[0].free == 2:
        # Points: convolutions of 1 x 1 over what lies around each.
        first = options[0]
        fitting = [replace(first, free=1, sizes=image_sizes(first.head[-1], 1)), *fitting]
    if rank == _AXES_OF_PICTURES and not any(it.free for it in fitting):
        fitting += _pictures(options)
    return fitting + [it for it in options if it not in fitting]


def _pictures(options: Sequence[Entrance]) -> list[Entrance]:
    """Pictures for a forward that names four axes and cuts them into patches by itself."""
    dtype = next((it.dtype for it in options if it.dtype != "int64"), "float32")
    return [
        Entrance("forward", "four axes", (1, channels), 2, image_sizes(channels, 2), dtype)
        for channels in (3, 1)
    ]


def _mixed(options: Sequence[Entrance]) -> list[Entrance]:
    """The options with the first of each kind in front."""
    kinds: dict[tuple[int, int, str], Entrance] = {}
    for option in options:
        kinds.setdefault((len(option.head), option.free, option.dtype), option)
    first = list(kinds.values())
    return first + [option for option in options if option not in first]


def _named(name: str, module: nn.Module, options: Sequence[Entrance]) -> InputSpec | None:
    """What an argument's own name says about it; None where it says nothing."""
    name = name.lower().strip("_")
    if name in _TIMES:
        return InputSpec((1,), "int64", bound=10)
    if is_lengths(name):
        return InputSpec((1,), "int64", bound=TOKENS + 1)
    if name.endswith("mask"):
        return InputSpec((1, TOKENS), "bool")
    if name in ("token_type_ids", "segment_ids", "segments", "segment_label"):
        return InputSpec((1, TOKENS), "int64", bound=2)
    if name in ("position_ids", "positions", "pos"):
        return InputSpec((1, TOKENS), "int64", bound=TOKENS)
    if name in _WAVE:
        return InputSpec((1, _SAMPLES), dtype_of(module))
    if name in ("edge_index", "edges", "edge_list"):
        return InputSpec((2, _EDGES), "int64", bound=_NODES)
    if name in ("edge_weight", "edge_weights"):
        return InputSpec((_EDGES,), dtype_of(module))
    if name in _GRAPH:
        return InputSpec((_NODES, _NODES), dtype_of(module))
    return _hidden(name, module) or _looked_up(name, options)


def _hidden(name: str, module: nn.Module) -> InputSpec | None:
    """The state of a recurrent layer."""
    if name not in _HIDDEN:
        return None
    recurrent = next((layer for layer in module.modules() if isinstance(layer, nn.RNNBase)), None)
    if recurrent is not None:
        if isinstance(recurrent, nn.LSTM):
            return None
        layers = recurrent.num_layers * (2 if recurrent.bidirectional else 1)
        return InputSpec((layers, 1, recurrent.hidden_size), dtype_of(module))
    cell = next((it for it in module.modules() if isinstance(it, nn.RNNCellBase)), None)
    if cell is not None:
        return InputSpec((1, cell.hidden_size), dtype_of(module))
    size = module.__dict__.get("hidden_size")
    linear = any(isinstance(it, nn.Linear) for it in module.modules())
    return InputSpec((1, size), dtype_of(module)) if linear and type(size) is int else None


def _looked_up(name: str, options: Sequence[Entrance]) -> InputSpec | None:
    """One row of a table for each sample."""
    tables = [option for option in options if option.dtype == "int64"]
    if not tables:
        return None
    if name in ("trg", "tgt"):
        return InputSpec((1, TOKENS), "int64", bound=tables[-1].bound)
    if name in _LABELS:
        return InputSpec((1,), "int64", bound=tables[-1].bound)
    if name.removesuffix("s").removesuffix("_id") in ("user", "item", "movie", "product"):
        return InputSpec((1,), "int64", bound=min(it.bound or 2 for it in tables))
    return None
