"""Image files decoded to bytes of one size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from shapescope.diagnostic import ShapescopeError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def decode(
    content: bytes | Path, name: str, *, channels: int, size: tuple[int, int] | None
) -> torch.Tensor:
    """Decode one image.

    Args:
        content: the file's bytes, or its path.
        name: what to call it in a message.
        channels: 1 for grey, 3 for colour; other images are converted.
        size: H, W to resize to (bilinear); None keeps the image's own.

    Returns:
        uint8, C x H x W.

    Raises:
        ShapescopeError: it is no image, or a damaged one.
    """
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        with Image.open(source) as opened:
            image = opened.convert("L" if channels == 1 else "RGB")
    except UnidentifiedImageError as error:
        raise ShapescopeError(f"{name} is no image that can be read") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ShapescopeError(f"{name} is a damaged image ({error})") from error
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    return pixels.unsqueeze(0) if channels == 1 else pixels.permute(2, 0, 1).contiguous()


def probe(content: bytes | Path, name: str) -> tuple[tuple[int, int], int]:
    """Return H, W and the number of channels (1 grey, 3 colour) of an image file.

    Raises:
        ShapescopeError: it is no image.
    """
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        with Image.open(source) as opened:
            grey = opened.mode in {"1", "L", "I", "I;16", "F", "LA"}
            return (opened.height, opened.width), 1 if grey else 3
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ShapescopeError(f"{name} is no image that can be read") from error
