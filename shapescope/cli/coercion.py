"""Values of options without pydantic, which newer versions of typer load for every command.

Loading it takes longer than tracing a small model. Most values need no conversion at all: a text
stays a text, a default is what it is. Only what is left goes typer's own way.
"""

from __future__ import annotations

from typing import Any


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
        if annotation is str and isinstance(value, str):
            return value
        if annotation == list[str] and isinstance(value, list | tuple):
            return [str(item) for item in value]
        if isinstance(annotation, type) and type(value) is annotation:
            return value
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)
