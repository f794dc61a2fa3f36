"""The losses that `--loss` takes: functions of an output and a target."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from shapescope.capture.input_spec import InputSpec, parse_input
from shapescope.capture.traced import Target
from shapescope.diagnostic import ShapescopeError, did_you_mean
from shapescope.ops import op_of_module

_COMPARED = 2
"""What a loss is given: the output and the target."""


def target_of(target: str, loss: str) -> Target | None:
    """What `--target` and `--loss` ask for together; None where neither is given.

    Raises:
        ShapescopeError: one is given without the other, or there is no such loss.
    """
    if not target and not loss:
        return None
    if not target or not loss:
        missing, given = ("--target", "--loss") if not target else ("--loss", "--target")
        raise ShapescopeError(
            f"`{given}` needs `{missing}` with it",
            advice=("--target 64:int64 --loss cross_entropy",),
        )
    spec: InputSpec = parse_input(target)
    return Target(spec, loss_function(loss))


def loss_function(name: str) -> str:
    """The name of a loss in `torch.nn.functional`, from it or from its class in `torch.nn`.

    Raises:
        ShapescopeError: no loss of an output and a target is called like that.
    """
    classes = _classes()
    bare = name.rpartition(".")[2]
    if bare in classes.values():
        return bare
    if bare in classes:
        return classes[bare]
    plain = {_plain(kind): function for kind, function in classes.items()}
    plain |= {_plain(function): function for function in classes.values()}
    meant = plain.get(_plain(bare))
    hint = did_you_mean(bare, classes.values()) if meant is None else f"; did you mean `{meant}`?"
    advice = () if hint else ("the losses are " + ", ".join(sorted({*classes.values()})),)
    raise ShapescopeError(f"there is no loss called `{name}`{hint}", advice=advice)


def loss_called(value: object) -> str | None:
    """The name of a loss from what a file calls: a layer with its usual settings, or a function."""
    classes = _classes()
    if isinstance(value, nn.Module):
        plain = not any(True for _ in value.buffers()) and getattr(value, "reduction", "") != "none"
        return classes.get(type(value).__name__) if plain else None
    name = getattr(value, "__name__", "")
    known = name in classes.values() and value is getattr(nn.functional, name, None)
    return name if known else None


def _classes() -> dict[str, str]:
    """The function of each loss class that compares two tensors and needs nothing else."""
    found = {}
    for name, kind in vars(nn.modules.loss).items():
        if isinstance(kind, type) and issubclass(kind, nn.modules.loss._Loss):
            function = op_of_module(kind)
            if _needed(getattr(nn.functional, function, None)) == _COMPARED:
                found[name] = function
    return found


def _needed(function: Callable[..., Any] | None) -> int:
    """How many arguments have to be given; 0 for no function."""
    parameters = inspect.signature(function).parameters.values() if function is not None else ()
    return sum(parameter.default is parameter.empty for parameter in parameters)


def _plain(name: str) -> str:
    """A name without what its spellings differ in: `mse` of `MSELoss` and `mse_loss`."""
    return name.lower().replace("_", "").removesuffix("loss")
