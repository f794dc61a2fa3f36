"""What several arguments may be together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import nn

from shapescope.capture.inferring.candidates import Choice, Place
from shapescope.capture.inferring.entrance import TOKENS, Entrance, entrances_below
from shapescope.capture.inferring.size_search import Candidate
from shapescope.capture.inferring.widths import widths_of
from shapescope.capture.input_spec import InputSpec

__all__ = ["combinations"]

_FEW = 4
_AXES_OF_PLACES = 3


def combinations(
    module: nn.Module, places: Sequence[Place], choices: Sequence[Sequence[Choice]]
) -> Iterator[Candidate]:
    """Inputs for all places at once, the likeliest first.

    The best of each; what is concatenated shares the features of one layer; then the same for all,
    one after the other, and any; all this with one token of each sample where sequences failed, as
    a decoder takes them that is called step by step.
    """
    names = _names(places, choices)
    seen: set[tuple[Choice, ...]] = set()
    if len(places) == 1 and places[0].use.each:
        yield from _pyramid(module, places[0])
    if all(choices):
        # One that is given by name has all behind it given by name.
        single = [[_one_token(it) for it in options] for options in choices]
        ways = [_joined(module, places, choices), _any(choices)]
        ways += [_any(single)] if single != list(map(list, choices)) else []
        if any(isinstance(it, nn.RNNBase) and not it.batch_first for it in module.modules()):
            first = [[_time_first(it) for it in options] for options in choices]
            ways += [itertools.islice(_any(first), _FEW)]
        for chosen in itertools.chain(*ways):
            if chosen not in seen:
                seen.add(chosen)
                yield Candidate(_graph(chosen), names)


def _one_token(choice: Choice) -> Choice:
    if isinstance(choice, Entrance) and (choice.head, choice.dtype) == ((1, TOKENS), "int64"):
        return replace(choice, head=(1,))
    return choice


def _time_first(choice: Choice) -> Choice:
    if isinstance(choice, Entrance) and (choice.head, choice.dtype) == ((1, TOKENS), "int64"):
        return replace(choice, head=(TOKENS, 1))
    return choice


def _names(places: Sequence[Place], choices: Sequence[Sequence[Choice]]) -> tuple[str, ...]:
    names, by_name = [], False
    for place, options in zip(places, choices, strict=True):
        valued = any(isinstance(it, InputSpec) and it.value is not None for it in options)
        by_name = by_name or place.by_name or valued
        names.append(place.full_name if by_name else "")
    return tuple(names)


def _any(choices: Sequence[Sequence[Choice]]) -> Iterator[tuple[Choice, ...]]:
    yield tuple(options[0] for options in choices)
    few = [options[:_FEW] for options in choices]
    longest = max(map(len, few))
    for at in range(longest):
        yield tuple(options[min(at, len(options) - 1)] for options in few)
    if len(few) > 1:
        shifted = [options[min(at, len(options) - 1)] for at, options in enumerate(few)]
        yield tuple(shifted)
    yield from itertools.product(*few)


def _joined(
    module: nn.Module, places: Sequence[Place], choices: Sequence[Sequence[Choice]]
) -> Iterator[tuple[Choice, ...]]:
    """Arguments that forward concatenates: a layer's features or channels, cut into shares."""
    together = [at for at, place in enumerate(places) if place.use.joined]
    if len(together) < 2 or any(places[at].use.paths for at in together):
        return
    layers = [it for it in choices[together[0]] if isinstance(it, Entrance) and len(it.head) > 1]
    for layer in layers[:3]:
        axis = 1 if layer.free else len(layer.head) - 1
        whole = layer.head[axis]
        named = widths_of([places[at].name for at in together], module, whole)
        for shares in itertools.chain(named, _shares(whole, len(together))):
            chosen = [options[0] for options in choices]
            for at, share in zip(together, shares, strict=True):
                head = (*layer.head[:axis], share, *layer.head[axis + 1 :])
                chosen[at] = replace(layer, head=head)
            yield tuple(chosen)


def _shares(whole: int, count: int) -> Iterator[tuple[int, ...]]:
    if whole < count:
        return
    if whole % count == 0:
        yield (whole // count,) * count
    if whole > count:
        yield (whole - count + 1, *(1,) * (count - 1))


def _graph(chosen: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """With edges among the inputs, rows of features are nodes: as many as the edges speak of."""
    nodes = [
        it.bound for it in chosen if isinstance(it, InputSpec) and it.shape and it.shape[0] == 2
    ]
    squares = [
        it.shape[0]
        for it in chosen
        if isinstance(it, InputSpec) and it.shape and len(it.shape) == 2 and len({*it.shape}) == 1
    ]
    count = next((it for it in (*nodes, *squares) if it), None)
    if count is None:
        return chosen
    return tuple(_of_nodes(it, count) for it in chosen)


def _of_nodes(choice: Choice, count: int) -> Choice:
    """What belongs to the nodes of a graph: a row, a number or a place for each of them."""
    if isinstance(choice, InputSpec):
        shape = choice.shape or ()
        one = len(shape) == _AXES_OF_PLACES and shape[:2] == (1, TOKENS)
        return replace(choice, shape=(count, *shape[2:])) if one else choice
    if choice.dtype == "int64" and choice.head == (1,):
        return replace(choice, head=(count,))
    if len(choice.head) != _AXES_OF_PLACES - 1 or choice.free or choice.head[0] != 1:
        return choice
    numbers = choice.dtype == "int64" and choice.head[1] == TOKENS
    return replace(choice, head=(count,) if numbers else (count, *choice.head[1:]))


def _pyramid(module: nn.Module, place: Place) -> Iterator[Candidate]:
    """A list of maps, one for each layer of a list: of one size, or each half the one before."""
    layers = module.get_submodule(place.use.each)
    below = [entrances_below(layers, name)[:1] for name, _ in layers.named_children()]
    first = [option for options in below for option in options]
    if not first or len(first) < len(below):
        return
    named = [replace(it, path=f"{place.use.each}.{it.path}") for it in first]
    halves = tuple(2**at for at in range(len(named)))
    name = place.full_name if place.by_name else ""
    for shares in (halves, (1,) * len(named)):
        yield Candidate(tuple(named), (name,) * len(named), shares, listed=True)
