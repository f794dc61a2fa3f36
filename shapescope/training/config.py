"""What a run was asked to do, as it is recorded in ``config.json`` and read again."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.fetch import data_dir_from, find_known, load_images, load_known
from shapescope.training.datasets.known import find_set, set_names
from shapescope.training.datasets.listing import list_images
from shapescope.training.datasets.pixels import ImageSet
from shapescope.training.model import NamedModel, channels_of
from shapescope.training.recipe import Recipe
from shapescope.training.target import require_one_source


@dataclass(frozen=True, slots=True)
class DataChoice:
    """Which images, and from where.

    Attributes:
        dataset: a known set, or "" for a folder of the user's.
        data_dir: where it is; None for the cache or a download.
        sample: whether to take the shipped sample.
        image_size: H, W to resize a user's images to.
        channels: of a user's images, to convert to.
        validation: training images held out to choose the best checkpoint by.
        recorded: whether ``data_dir`` is what a run wrote down, and nobody named it now.
    """

    dataset: str
    data_dir: str | None = None
    sample: bool = False
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    validation: int = 0
    recorded: bool = field(default=False, compare=False)

    def load(self) -> ImageSet:
        """Return the images.

        Raises:
            ShapescopeError: they are not there, or damaged.
        """
        known = find_set(self.dataset) if self.dataset else None
        if self.recorded and self.data_dir and not Path(self.data_dir).exists():
            raise ShapescopeError(
                f"the run's images were in {self.data_dir}, which does not exist any more",
                advice=("--data-dir DIR says where they are now",),
            )
        folder = data_dir_from(Path(self.data_dir) if self.data_dir else None)
        if known is not None:
            return load_known(known, folder, sample=self.sample)
        if folder is None:
            raise ShapescopeError(
                "a model of your own needs images: --data-dir DIR with a folder per class, or "
                "--dataset mnist, fashion-mnist or cifar-10"
            )
        found = load_images(folder, channels=self.channels, size=self.image_size)
        if found is None:
            raise ShapescopeError(
                f"there are no images in class folders in {folder}: it needs <class>/image.png, or "
                "train/<class>/image.png and test/<class>/image.png"
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        size = list(self.image_size) if self.image_size else None
        return {
            "dataset": self.dataset,
            "data_dir": self.data_dir,
            "sample": self.sample,
            "image_size": size,
            "channels": self.channels,
            "validation": self.validation,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataChoice:
        """Return what ``to_dict`` described."""
        size = values["image_size"]
        return cls(
            values["dataset"],
            values["data_dir"],
            values["sample"],
            (size[0], size[1]) if size else None,
            values["channels"],
            values["validation"],
            recorded=True,
        )


def choose_data(
    name: NamedModel,
    recipe: Recipe,
    data_dir: Path | None,
    *,
    sample: bool,
    image_size: tuple[int, int] | None,
    validation: int = 0,
) -> DataChoice:
    """Decide between a known set and the user's own images.

    The recipe's data set is taken where it is; a folder that has it not but has images in class
    folders is the user's own.

    Args:
        name: the network.
        recipe: says which known set, or none.
        data_dir: what the user named.
        sample: whether the user wants the sample.
        image_size: what the user wants images resized to.
        validation: how many images to hold out.

    Raises:
        ShapescopeError: ``data_dir`` does not exist.
    """
    require_one_source(data_dir, sample=sample)
    known = find_set(recipe.dataset) if recipe.dataset else None
    if recipe.dataset and known is None:
        raise ShapescopeError(
            f"there is no data set {recipe.dataset!r}; there are {', '.join(set_names())}"
        )
    folder = None if sample else data_dir_from(data_dir)
    place = str(folder.resolve()) if folder is not None else None
    if sample and known is None:
        raise ShapescopeError("there is a sample of mnist, fashion-mnist and cifar-10 only")
    if known is not None and (folder is None or find_known(known, folder) is not None):
        return DataChoice(known.name, place, sample, validation=validation)
    if known is not None and folder is not None and list_images(folder) is None:
        return DataChoice(known.name, place, validation=validation)  # loading it says what it lacks
    size = image_size or recipe.transforms.resize
    if size is None and name.entry is not None:
        size = name.entry.input_shape[2:]
    channels = name.entry.input_shape[1] if name.entry else channels_of(name.build(0))
    return DataChoice("", place, False, size, channels if channels in (1, 3) else None, validation)


def fingerprint(image_set: ImageSet) -> str:
    """Return a name for the labels of a set in their order, to notice that data has changed."""
    digest = hashlib.sha256()
    for split in image_set.splits:
        digest.update(f"{split.name} {split.pixels.shape} ".encode())
        digest.update(split.labels.numpy().tobytes())
    return digest.hexdigest()[:16]


def environment() -> dict[str, Any]:
    """Return what a figure depends on besides the recipe: versions and hardware."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),  # decides what bfloat16 costs
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """Return the name of the CPU, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor()
    return platform.processor()
