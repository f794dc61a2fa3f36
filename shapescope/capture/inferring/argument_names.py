"""The keywords that a model's forward takes, and those it does not."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from shapescope.diagnostic import ShapescopeError, did_you_mean


def refuse_unknown(names: Iterable[str | None], module: nn.Module) -> None:
    """Make sure that forward takes these keywords, so that a slip is not blamed on the model.

    Args:
        names: of inputs; `batch.x` is the key of a dict that is passed as `batch`, None a position.
        module: the model.

    Raises:
        ShapescopeError: forward has no argument of one of these names.
    """
    given = [name.partition(".")[0] for name in names if name is not None]
    known = keywords_of(module) if given else None
    if known is None:
        return
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            takes = "its arguments are " + ", ".join(known) if known else "it takes none by name"
            raise ShapescopeError(
                f"--input names `{name}`, and forward has no such argument" + (hint or f": {takes}")
            )


def keywords_of(module: nn.Module) -> tuple[str, ...] | None:
    """The names by which forward takes arguments; None where any may do or nothing is known."""
    if isinstance(module, torch.jit.ScriptModule):
        method: Any = module.forward
        return tuple(argument.name for argument in method.schema.arguments[1:])
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(parameter.name for parameter in parameters if parameter.kind in by_name)
