"""The inputs of a model that was named without any: those it was made for, or inferred ones."""

from __future__ import annotations

from torch import nn

from shapescope.capture.inferring.usage import arguments_of
from shapescope.capture.input_spec import InputSpec, format_input
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.diagnostic import ShapescopeError

__all__ = ["own_inputs"]


def own_inputs(model: nn.Module | LoadedModel) -> tuple[tuple[InputSpec, ...], tuple[str, ...]]:
    """The inputs that a model was made for, or inferred ones with a note that says how.

    Raises:
        ShapescopeError: nothing is known, and nothing can be inferred.
    """
    defaults = getattr(model, "default_inputs", None)
    if isinstance(defaults, tuple) and defaults:
        place = getattr(model, "inputs_from", "")
        shown = " and ".join(format_input(spec) for spec in defaults)
        return defaults, (f"input {shown} as {place} feeds it",) if place else ()
    # A model that knows its inputs needs none of it.
    from shapescope.capture.inferring.infer import plausible_inputs, searched
    from shapescope.capture.inferring.known import known_of, template_of

    found, farthest = searched(model)
    if found is not None:
        return found.inputs, (found.how,)
    name = str(getattr(model, "spec", type(model).__name__))
    module = model if isinstance(model, nn.Module) else model.build("meta").module
    arguments = arguments_of(module)
    for argument in arguments:
        if argument.use.fields:
            asked = f"forward asks `{argument.name}` for `.{argument.use.fields[0]}`"
            made = "return one from a function, and name that: --input @file.py:function"
            raise ShapescopeError(f"{name} needs an input: {asked}", advice=(made,))
    tried = farthest or plausible_inputs(module)
    likely = tried or template_of(arguments)
    shown = " ".join(f"--input {_quoted(format_input(spec))}" for spec in likely)
    several = len(likely) > 1
    message = f"{name} needs {'inputs' if several else 'an input'}"
    if tried:
        message += ", and ran with none that were tried"
    known = known_of(module, arguments)
    if known:
        message += f": {', '.join(known)}"
    shown = shown or "--input 1,3,32,32"
    raise ShapescopeError(
        message, advice=(f"give {'the shape of each' if several else 'its shape'}: {shown}",)
    )


def _quoted(text: str) -> str:
    return f"'{text}'" if any(sign in text for sign in "<[]:= ") else text
