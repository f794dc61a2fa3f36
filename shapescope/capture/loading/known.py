"""Whether what was asked for from Python is a model and a device that torch knows."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shapescope.diagnostic import ShapescopeError


def require_model(model: object) -> None:
    """Make sure that something is a module, or a text that may name one.

    Raises:
        ShapescopeError: it is neither.
    """
    if isinstance(model, str | nn.Module):
        return
    if isinstance(model, type) and issubclass(model, nn.Module):
        name = model.__name__
        raise ShapescopeError(f"`{name}` is a class, not a model; give one of it: {name}(...)")
    raise ShapescopeError(
        f"this is no model but of type {type(model).__name__}; give a torch.nn.Module, or a name "
        "as in the commands: 'lenet5', 'net.py:Net(10)'"
    )


def device_kind(device: Any) -> str:
    """What kind of device it is: `cpu`, `meta`, `cuda`.

    Raises:
        ShapescopeError: torch knows none of that name.
    """
    try:
        return str(torch.device(device).type)
    except (RuntimeError, TypeError) as error:
        raise ShapescopeError(
            f"torch knows no device {device!r}", advice=("give 'meta', 'cpu', or leave it out",)
        ) from error
