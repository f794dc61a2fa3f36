"""What the commands of the training room share: options, sizes, pictures, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from shapescope.render.images import Picture
    from shapescope.training.datasets.pixels import Split

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        show_default=False,
        help="Where the images are: torchvision's root, the .gz files, class folders or an "
        "archive of them. SHAPESCOPE_DATA names it too.",
    ),
]
Sample = Annotated[
    bool, typer.Option("--sample", help="Use the small sample that comes with shapescope.")
]
Format = Annotated[
    str, typer.Option("--format", metavar="text|json", help="How the result is printed.")
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        show_default=False,
        help="Which model bare weights belong to (found out for the document networks).",
    ),
]
Checkpoint = Annotated[
    str, typer.Option("--checkpoint", metavar="best|last", help="Which checkpoint of a run.")
]
Untrained = Annotated[
    bool, typer.Option("--untrained", help="Take a network by name, with fresh weights.")
]
FORMATS = ("text", "json")
PICTURE_FORMS = (".png", ".svg")


def pair(text: str, option: str) -> tuple[int, int] | None:
    """Return H and W from ``64`` or ``64,48``; None from nothing.

    Raises:
        ShapescopeError: it is neither.
    """
    if not text:
        return None
    parts = text.replace("x", ",").split(",")
    if len(parts) in (1, 2) and all(part.strip().isdigit() and int(part) > 0 for part in parts):
        return int(parts[0]), int(parts[-1])
    raise ShapescopeError(f"{option} {text} is no size: write 64 or 64,48")


def picture(image: torch.Tensor) -> Picture:
    """Return an image (uint8, C x H x W) as a picture."""
    from shapescope.render.images import Picture

    channels, height, width = image.shape
    if channels not in (1, 3):
        image, channels = image[:1], 1
    return Picture(height, width, channels, image.contiguous().numpy().tobytes())


def pictures(split: Split, numbers: Sequence[int]) -> list[Picture]:
    """Return some images of a split as pictures."""
    import torch

    if not numbers:
        return []
    images = next(iter(split.pixels.read([torch.tensor(numbers)])))
    return [picture(image) for image in images]


def picture_form(path: Path) -> str:
    """Return ``png`` or ``svg``, from a file's name.

    Raises:
        ShapescopeError: the name says something else.
    """
    if path.suffix.lower() not in PICTURE_FORMS:
        raise ShapescopeError(f"{path}: pictures are written as .png or .svg")
    return path.suffix.lower()[1:]


def write_picture(path: Path, content: bytes) -> None:
    """Write a picture's file whole or not at all.

    Raises:
        ShapescopeError: it cannot be written.
    """
    from shapescope.training.files import write_atomically

    try:
        write_atomically(path, content)
    except OSError as error:
        raise ShapescopeError(f"cannot write {path}: {error.strerror or error}") from error
