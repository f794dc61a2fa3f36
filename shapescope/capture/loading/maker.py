"""What builds a model: a class or a factory with the arguments that were written behind it."""

from __future__ import annotations

import copy
import inspect
import shlex
from collections.abc import Callable
from typing import Any

from torch import nn

from shapescope.capture.loading.file_defaults import FileDefault, file_default, is_settings
from shapescope.capture.loading.spec import ModelSpec
from shapescope.diagnostic import ShapescopeError

__all__ = ["maker"]


def maker(
    parsed: ModelSpec, value: Any, attribute: str, name: Callable[[str], Any]
) -> tuple[Callable[[], Any], str]:
    """The call that builds the model, each time with arguments of its own, and these as text.

    Arguments that are missing are taken from the file where it has them ready.

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
    if value is nn.Module:
        raise ShapescopeError(
            f"{parsed.text}: `{attribute}` is torch's own base of all models; name a class of yours"
        )
    if not callable(value):
        raise ShapescopeError(
            f"{parsed.text}: `{attribute}` is of type {type(value).__name__}; "
            "name a class or a function that returns a model"
        )
    args, kwargs = parsed.arguments.values(name)
    ready = _from_file(parsed, value, attribute, args, kwargs)

    def make() -> Any:
        found = {key: default.make() for key, default in ready.items()}
        return value(*copy.deepcopy(args), **copy.deepcopy(kwargs), **found)

    shown = [parsed.arguments.text] if parsed.arguments else []
    shown += [f"{key}={default.text}" for key, default in ready.items()]
    return make, ", ".join(shown)


def _from_file(
    parsed: ModelSpec, value: Any, attribute: str, args: list[Any], kwargs: dict[str, Any]
) -> dict[str, FileDefault]:
    """What the file has ready for missing arguments; a refusal of what is too much or missing."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return {}
    try:
        signature.bind(*args, **kwargs)
        return {}
    except TypeError as error:
        problem = str(error)
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
    found = {parameter.name: file_default(value, parameter) for parameter in missing}
    ready = {key: default for key, default in found.items() if default is not None}
    left = [parameter for parameter in missing if parameter.name not in ready]
    positional = [it for it in missing if it.kind is it.POSITIONAL_ONLY]
    if not left and not positional:
        return ready
    several = "arguments" if len(left) > 1 else "an argument"
    named = ", ".join(f"`{parameter.name}`" for parameter in left or missing)
    advice = f"give it like {_example(parsed, attribute, left or missing)}"
    if any(is_settings(parameter) for parameter in left):
        advice = (
            f"write a function in the file that makes it and returns {attribute}(...), "
            f"and name that: {parsed.place}:function"
        )
    raise ShapescopeError(f"{parsed.text}: `{attribute}` needs {several}: {named}; {advice}")


def _example(parsed: ModelSpec, attribute: str, missing: list[inspect.Parameter]) -> str:
    """A spec that gives every missing argument, as a shell takes it; values are to be replaced."""
    shown = [parsed.arguments.text] if parsed.arguments else []
    by_keyword = bool(parsed.arguments.keywords)
    for parameter in missing:
        # A value that shows what is meant only with its name is written with it.
        by_keyword = by_keyword or parameter.kind is parameter.KEYWORD_ONLY
        value = _example_value(parameter)
        shown.append(f"{parameter.name}={value}" if by_keyword else value)
    place = parsed.place if parsed.kind == "network" else f"{parsed.place}:{attribute}"
    return shlex.quote(f"{place}({', '.join(shown)})")


def _example_value(parameter: inspect.Parameter) -> str:
    kind = parameter.annotation
    kind = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    name = parameter.name.lower()
    if "shape" in name or name in ("input_size", "image_size", "img_size", "obs_space"):
        return "(3, 32, 32)" if "shape" in name else "32"
    if kind.startswith(("list", "List", "tuple", "Tuple", "Sequence")) or name.endswith("layers"):
        return "2" if name.startswith(("n_", "num")) else "[2, 2]"
    by_kind = {"str": '"..."', "bool": "True", "float": "0.5"}
    if kind in by_kind:
        return by_kind[kind]
    if "drop" in name or name in ("p", "alpha", "rate", "ratio"):
        return "0.5"
    if name in ("act", "activation", "act_layer", "nonlinearity", "act_fn"):
        return "nn.ReLU"
    if name in ("norm", "norm_layer"):
        return "nn.BatchNorm2d"
    if "class" in name or name.startswith(("out", "n_action", "num_action")):
        return "10"
    if "channel" in name or name.startswith(("in_", "input")):
        return "3"
    if "head" in name or "block" in name:
        return "4"
    return "64"
