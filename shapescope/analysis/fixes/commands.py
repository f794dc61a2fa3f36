"""How to ask for other inputs: a command to paste, or what Python takes for a live model."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from shapescope.trace import Shape, TensorSpec, Trace


def input_text(spec: TensorSpec, shape: Shape) -> str:
    """An input as `--input` takes it."""
    sizes = ",".join(map(str, shape))
    return sizes if spec.dtype == "float32" else f"{sizes}:{spec.dtype}"


def input_options(texts: Iterable[str]) -> str:
    """An `--input` for each of these, quoted where a shell would read more into them."""
    return shlex.join(word for text in texts for word in ("--input", text))


def command(trace: Trace, shapes: Sequence[Shape], *, train: bool = False) -> str:
    """The command that traces the model with inputs of these shapes.

    A live model has no name that a command could take: then what `shapescope.trace` takes.

    Args:
        trace: of the model.
        shapes: of its inputs.
        train: in training mode.
    """
    if is_live(trace):
        sizes = ", ".join(str(tuple(shape)) for shape in shapes)
        text = f"input_size={sizes}" if len(shapes) == 1 else f"input_size=[{sizes}]"
        return f'{text}, mode="train"' if train else text
    inputs = input_options(
        input_text(spec, shape) for spec, shape in zip(trace.inputs, shapes, strict=True)
    )
    named = shlex.join(("shapescope", "trace", trace.model))
    return f"{named} {inputs} --train" if train else f"{named} {inputs}"


def is_live(trace: Trace) -> bool:
    """Whether the model was given as an object."""
    return bool(trace.modules) and trace.model == trace.modules[0].class_name
