"""What builds a model: a class or a factory with the arguments that were written behind it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from shapescope.capture.spec import ModelSpec
from shapescope.diagnostic import ShapescopeError

__all__ = ["maker"]


def maker(
    parsed: ModelSpec, value: Any, attribute: str, name: Callable[[str], Any]
) -> Callable[[], Any]:
    """The call that builds the model, each time with arguments of its own.

    Args:
        parsed: what was typed.
        value: the class or factory it names.
        attribute: its name.
        name: looks up a name among the arguments.

    Raises:
        ShapescopeError: it is neither, or does not take these arguments.
    """
    if isinstance(value, type) and not issubclass(value, nn.Module):
        raise ShapescopeError(f"{parsed.text}: `{attribute}` is a class, but no torch.nn.Module")
    if not callable(value):
        raise ShapescopeError(
            f"{parsed.text}: `{attribute}` is of type {type(value).__name__}; "
            "name a class or a function that returns a model"
        )
    args, kwargs = parsed.arguments.values(name)
    _require_fit(parsed, value, attribute, args, kwargs)
    return lambda: value(*copy.deepcopy(args), **copy.deepcopy(kwargs))


def _require_fit(
    parsed: ModelSpec, value: Any, attribute: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    """Refuse arguments that a constructor does not take, or that are missing."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args, **kwargs)
        return
    except TypeError as error:
        problem = str(error)
    given = set(signature.bind_partial().arguments)
    try:
        given = set(signature.bind_partial(*args, **kwargs).arguments)
    except TypeError:
        raise ShapescopeError(
            f"{parsed.text}: `{attribute}` does not take these arguments: {problem}; "
            f"it takes {signature.replace(return_annotation=signature.empty)}"
        ) from None
    missing = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.name not in given
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    several = "arguments" if len(missing) > 1 else "an argument"
    named = ", ".join(f"`{parameter.name}`" for parameter in missing)
    raise ShapescopeError(
        f"{parsed.text}: `{attribute}` needs {several}: {named}; "
        f"give it like {_example(parsed, attribute, missing)}"
    )


def _example(parsed: ModelSpec, attribute: str, missing: list[inspect.Parameter]) -> str:
    """A spec that gives every missing argument, with values to be replaced."""
    shown = [parsed.arguments.text] if parsed.arguments else []
    for parameter in missing:
        value = _example_value(parameter)
        by_keyword = parameter.kind is parameter.KEYWORD_ONLY or bool(parsed.arguments.keywords)
        shown.append(f"{parameter.name}={value}" if by_keyword else value)
    place = parsed.place if parsed.kind == "network" else f"{parsed.place}:{attribute}"
    return f"{place}({', '.join(shown)})"


def _example_value(parameter: inspect.Parameter) -> str:
    kind = parameter.annotation
    kind = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    name = parameter.name.lower()
    if kind.startswith(("list", "List", "tuple", "Tuple", "Sequence")) or name.endswith("layers"):
        return "[2, 2]"
    by_kind = {"str": '"..."', "bool": "True", "float": "0.5"}
    if kind in by_kind:
        return by_kind[kind]
    if "class" in name or name.startswith("out"):
        return "10"
    if "channel" in name or name.startswith(("in_", "input")):
        return "3"
    return "64"
