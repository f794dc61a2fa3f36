"""The arguments that a forward needs, and what it does with them."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from shapescope.capture.inferring.argument_uses import Argument
from shapescope.capture.inferring.usage_reader import read_uses

__all__ = ["arguments_of"]


def arguments_of(module: nn.Module) -> list[Argument]:
    """The arguments that forward needs; the first one where all have defaults.

    The keys that `**batch` is asked for are arguments by name.
    """
    forward: Any = type(module).forward
    try:
        parameters = list(inspect.signature(forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    kinds = inspect.Parameter
    plain = [it for it in parameters if it.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    needed = [it for it in plain if it.default is it.empty]
    if not needed:
        needed = [it for it in plain if it.kind is not it.KEYWORD_ONLY][:1]
    if not needed:
        needed = [it for it in parameters if it.kind is it.VAR_POSITIONAL]
    found = [
        Argument(it.name, it.kind is it.KEYWORD_ONLY, _annotation(it.annotation)) for it in needed
    ]
    gathered = [it.name for it in parameters if it.kind is it.VAR_KEYWORD]
    everything = {argument.name: argument for argument in found}
    everything.update((name, Argument(name)) for name in gathered)
    # What torch's own composites do inside says less than what they begin with.
    torchs = (forward.__module__ or "").startswith("torch.")
    if not torchs:
        read_uses(module, forward, everything)
    elif isinstance(module, nn.Sequential) and len(module) and found:
        found[0].use.rank = _rank_at(module[0])
    for name in gathered:
        source = everything[name]
        found += [Argument(key, True, uses={"": source.uses[key]}) for key in source.keys]
    return found


def _rank_at(layer: nn.Module) -> int | None:
    """How many axes the first argument of a layer has, as far as its source says."""
    arguments = arguments_of(layer)
    return arguments[0].use.rank if arguments else None


def _annotation(kind: Any) -> str:
    if kind is inspect.Parameter.empty:
        return ""
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
