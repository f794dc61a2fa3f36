"""What is known of a forward's arguments where no input could be found for it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from shapescope.capture.inferring.argument_uses import Argument, Use
from shapescope.capture.inferring.entrance import TOKENS, entrances_below
from shapescope.capture.input_spec import InputSpec

__all__ = ["known_of", "template_of"]

_SEVERAL = 2
_SHAPES: dict[int, tuple[int, ...]] = {
    1: (TOKENS,),
    2: (1, TOKENS),
    3: (1, TOKENS, TOKENS),
    4: (1, 3, 32, 32),
    5: (1, 4, 3, 32, 32),
}


def known_of(module: nn.Module, arguments: Sequence[Argument]) -> tuple[str, ...]:
    """A clause for each argument of which something is known: its axes, the layer it goes to."""
    found = []
    for argument in arguments:
        for key, use in argument.uses.items():
            said = [*_axes(use), *_layer(module, use)]
            name = f"{argument.name}[{key!r}]" if key else argument.name
            if said:
                found.append(f"`{name}` {' and '.join(said)}")
    return tuple(found)


def template_of(arguments: Sequence[Argument]) -> tuple[InputSpec, ...]:
    """An input for each argument, with as many axes as forward names; () where it names none."""
    ranks = [argument.use.rank for argument in arguments]
    if any(argument.keys for argument in arguments) or (len(ranks) < _SEVERAL and not any(ranks)):
        return ()
    usual = next((rank for rank in ranks if rank in _SHAPES), 2)
    return tuple(
        InputSpec(_SHAPES.get(rank or usual, _SHAPES[2]), name=it.name if it.keyword else None)
        for rank, it in zip(ranks, arguments, strict=True)
    )


def _axes(use: Use) -> list[str]:
    return [] if use.rank is None else [f"has {use.rank} {'axis' if use.rank == 1 else 'axes'}"]


def _layer(module: nn.Module, use: Use) -> list[str]:
    for path in use.paths[:1]:
        for entrance in entrances_below(module, path)[:1]:
            if entrance.path != path:
                continue
            kind = "integers, for" if entrance.dtype == "int64" else "for"
            return [f"is {kind} `{entrance.path}` ({entrance.says})"]
    return []
