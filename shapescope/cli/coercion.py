"""Values of options without pydantic, which newer versions of typer load for every command.

Loading it takes longer than tracing a small model, and what it says of a wrong value is not what a
terminal is for. Texts, paths and numbers are all that the commands take; what is neither goes
typer's own way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_origin

import typer

_KINDS = {int: "whole number", float: "number"}


def lightly(parameters: list[Any]) -> list[Any]:
    """The parameters of a command, which now take plain values as they are.

    A typer that converts in another way than 0.29's is left alone.
    """
    for parameter in parameters:
        if hasattr(parameter, "_runtime_param") and hasattr(parameter, "type_descriptor"):
            parameter._runtime_param = _Light()
    return parameters


class _Light:
    """Stands in for typer's conversion until a value needs one."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the command takes it."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        annotation = param.type_descriptor.annotation
        if get_origin(annotation) is list and isinstance(value, list | tuple):
            kind = get_args(annotation)[0]
            if kind in (str, Path):
                return [kind(item) for item in value]
        if isinstance(annotation, type) and isinstance(value, annotation):
            return value
        if annotation is Path and isinstance(value, str):
            return Path(value)
        if annotation in _KINDS and isinstance(value, str):
            return _number(value, param, ctx)
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _number(text: str, param: Any, ctx: Any) -> int | float:
    """The number that was typed, if it is one and within the bounds of its option."""
    kind, bounds = param.type_descriptor.annotation, param.type_descriptor.parameter_info
    try:
        number: int | float = kind(text)
    except ValueError:
        wrong = f"`{text}` is no {_KINDS[kind]}"
        raise typer.BadParameter(wrong, ctx=ctx, param=param) from None
    # asked this way round so that NaN, which is on no side of a bound, does not pass
    if bounds.min is not None and not number >= bounds.min:
        raise typer.BadParameter(f"it has to be {bounds.min} or more", ctx=ctx, param=param)
    if bounds.max is not None and not number <= bounds.max:
        raise typer.BadParameter(f"it has to be {bounds.max} or less", ctx=ctx, param=param)
    return number
