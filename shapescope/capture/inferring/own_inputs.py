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
    from shapescope.capture.inferring.infer import infer_for, plausible_inputs

    found = infer_for(model)
    if found is not None:
        return found.inputs, (found.how,)
    name = str(getattr(model, "spec", type(model).__name__))
    module = model if isinstance(model, nn.Module) else model.build("meta").module
    likely = plausible_inputs(module)
    if len(likely) > 1:
        shown = " ".join(f"--input '{format_input(spec)}'" for spec in likely)
        raise ShapescopeError(
            f"{name} needs inputs, and ran with none that were tried",
            advice=(f"give the shape of each: {shown}",),
        )
    for argument in arguments_of(module):
        if argument.use.fields:
            asked = f"forward asks `{argument.name}` for `.{argument.use.fields[0]}`"
            made = "return one from a function, and name that: --input @file.py:function"
            raise ShapescopeError(f"{name} needs an input: {asked}", advice=(made,))
    raise ShapescopeError(f"{name} needs an input", advice=("give its shape: --input 1,3,32,32",))
