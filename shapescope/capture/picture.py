"""A picture from a file as the input of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.inputs import make_inputs
from shapescope.diagnostic import ShapescopeError

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def with_picture(specs: Sequence[InputSpec], file: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The inputs that the specs ask for, the picture in the place of the first that is an image.

    The picture is resized to that input's height and width, turned grey where it has one channel,
    scaled to 0..1, and repeated for each sample of the batch.

    Raises:
        ShapescopeError: no input is an image, or the file is no picture.
    """
    place = next((number for number, spec in enumerate(specs) if _takes_pictures(spec)), None)
    if place is None:
        raise ShapescopeError(
            "no input of this model is an image of 1, 3 or 4 channels",
            advice=("give its shape as N, C, H, W: --input 1,3,224,224",),
        )
    spec = specs[place]
    picture = _read(file, spec.shape or ())
    args, kwargs = make_inputs(specs, nn.Identity(), device="cpu")
    if spec.name is not None:
        return args, {**kwargs, spec.name: picture}
    position = sum(other.name is None for other in specs[:place])
    return (*args[:position], picture, *args[position + 1 :]), kwargs


def _takes_pictures(spec: InputSpec) -> bool:
    shape = spec.shape or ()
    plain = spec.dtype == "float32" and not spec.listed
    return plain and len(shape) in (3, 4) and shape[-3] in _MODES


def _read(file: Path, shape: tuple[int, ...]) -> Tensor:
    """The picture as floats of that shape."""
    from PIL import Image

    channels, height, width = shape[-3:]
    try:
        with Image.open(file) as opened:
            image = opened.convert(_MODES[channels]).resize(
                (width, height), Image.Resampling.BILINEAR
            )
    except FileNotFoundError as error:
        raise ShapescopeError(f"there is no file {file}") from error
    except (OSError, ValueError) as error:
        raise ShapescopeError(f"{file} cannot be read as a picture: {error}") from error
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    pixels = values.reshape(height, width, channels).permute(2, 0, 1).to(torch.float32) / 255
    return pixels.expand(shape).clone()
