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
from shapescope.capture.inferring.names import EDGES, SAMPLES, is_of_edges, named, pair_of_states
from shapescope.capture.input_spec import InputSpec

__all__ = ["Choice", "Place", "choices_for", "places_of"]

Choice: TypeAlias = Entrance | InputSpec
"""An input whose free sizes are still open, or one that is settled."""

_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_VALUES = {"int": "4", "float": "1.0", "bool": "false", "str": '""'}
_AXES_OF_TOKENS = 2
_AXES_OF_PICTURES = 4
_AXES_OF_FRAMES = 5
_FRAMES = 4
_SIZES_OF_FRAMES = (64, 32, 112, 224, 28, 128, 96, 84)


@dataclass(frozen=True, slots=True)
class Place:
    """One tensor that forward needs: an argument, or what it holds under a key.

    Attributes:
        argument: the argument.
        key: "" for the argument itself.
        use: what forward does with it.
        given: what it holds, where that is known: a part of a recurrent layer's state.
    """

    argument: Argument
    key: str
    use: Use
    given: InputSpec | None = None

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


def places_of(arguments: Sequence[Argument], module: nn.Module) -> list[Place]:
    """The tensors that a forward needs; those in a dict or a pair each by itself."""
    return [
        Place(argument, key, argument.uses.get(key, Use()), given)
        for argument in arguments
        for key in (argument.keys or [""])
        for given in (pair_of_states(argument.name, argument.use.paths, module) or [None])
    ]


def choices_for(
    place: Place, module: nn.Module, options: Sequence[Entrance], places: Sequence[Place] = ()
) -> list[Choice]:
    """What one place may hold, the likeliest first.

    Args:
        place: the place.
        module: the model.
        options: what each of its layers would take.
        places: all places.
    """
    if place.given is not None:
        return [place.given]
    use = place.use
    others = [path for it in places if it != place for path in it.use.paths]
    # What both go to, the one perhaps deeper inside, is as much its own.
    others = [
        path for path in others if not any(f"{it}.".startswith(f"{path}.") for it in use.paths)
    ]
    options = _unclaimed_first(options, others)
    options = [*_parts(options, use.repeats), *options]
    if use.is_complex:
        options = [replace(it, dtype=_COMPLEX.get(it.dtype, it.dtype)) for it in options]
    value = _value(place)
    if value is not None:
        return [value]
    if use.is_wave:
        return [Entrance("forward", "takes its spectrum", (1, SAMPLES), dtype=dtype_of(module))]
    found: list[Choice] = []
    if use.turn_of and not use.each:
        found += _for_each(module, use.turn_of)
    taken = [it for path in use.paths[:1] for it in entrances_below(module, path)]
    taken = [it for it in taken if not _is_claimed(it, others)]
    if use.is_complex:
        taken = []
    if is_of_edges(place.name, [it.name for it in places]):
        rows = [it for it in (*taken, *options) if len(it.head) == _AXES_OF_TOKENS and not it.free]
        found += [replace(it, head=(EDGES, it.head[1])) for it in rows if it.dtype != "int64"]
    said = None if use.joined else _said(place, module, (*taken, *options), places)
    direct = any(not list(module.get_submodule(path).children()) for path in use.paths[:1])
    if direct and said is not None and taken and taken[0].dtype == said.dtype == "int64":
        bound = said.bound if said.bound == 1 else taken[0].bound
        said, direct = replace(said, bound=bound), False
    if taken and taken[0].dtype != "int64" and _is_plain(module, use):
        # Whatever its name says: what goes into a layer of features is no integer.
        direct = True
    if said is not None and not direct:
        found.append(said)
    found += _with_rank(taken, use.rank)
    if said is not None and direct:
        found.append(said)
    if use.indexes and not taken and said is None:
        found.insert(0, InputSpec((1, TOKENS), "int64", bound=2))
    if use.items > 1 and not use.paths and said is None:
        found.append(InputSpec((use.items,), dtype_of(module)))
    if use.may_be_none:
        found.append(InputSpec(None, name=place.full_name, value="null"))
    found += [it for it in _mixed(_with_rank(options, use.rank)) if it not in found]
    if taken and _is_plain(module, use):
        whole = taken[0].dtype == "int64"
        found = [it for it in found if isinstance(it, InputSpec) or (it.dtype == "int64") == whole]
    return found


def _for_each(module: nn.Module, path: str) -> list[Entrance]:
    """Numbers of rows for each of several tables, which stand along the first axis."""
    layers = module.get_submodule(path)
    tables = [it for it in layers.children() if isinstance(it, nn.Embedding | nn.EmbeddingBag)]
    if not tables or len(tables) < len(list(layers.children())):
        return []
    bound = min(it.num_embeddings for it in tables)
    shape = (len(tables), 1, TOKENS)
    return [Entrance(path, f"{len(tables)} tables", shape, dtype="int64", bound=bound)]


def _said(
    place: Place, module: nn.Module, options: Sequence[Entrance], places: Sequence[Place]
) -> InputSpec | None:
    """What the name of a place says."""
    looks_up = bool(options) and options[0].dtype == "int64"
    return named(place.name, module, options, [it.name for it in places], looks_up)


def _is_plain(module: nn.Module, use: Use) -> bool:
    """Whether an argument goes into a layer of torch, or several that follow each other."""
    into = type(module.get_submodule(use.paths[0]))
    several = issubclass(into, nn.ModuleList | nn.ModuleDict)
    return into.__module__.startswith("torch.") and not several


def _unclaimed_first(options: Sequence[Entrance], claimed: Sequence[str]) -> list[Entrance]:
    """The options with those behind that another argument goes to."""
    return sorted(options, key=lambda it: _is_claimed(it, claimed))


def _is_claimed(option: Entrance, claimed: Sequence[str]) -> bool:
    return any(f"{option.path}.".startswith(f"{path}.") for path in claimed)


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
    if rank == _AXES_OF_FRAMES and not any(it in options and it.free for it in fitting):
        pictures = [it for it in options if it.free == 2 and len(it.head) == 2]
        made = [
            replace(it, head=(1, _FRAMES, it.head[-1]), sizes=_SIZES_OF_FRAMES) for it in pictures
        ]
        fitting = [*made, *fitting]
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
