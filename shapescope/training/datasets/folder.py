"""A user's own images: a folder (or archive) with a folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.decode import decode, probe
from shapescope.training.datasets.listing import ImageFile, Listing, list_images
from shapescope.training.datasets.pixels import (
    ImageSet,
    MemoryPixels,
    Pixels,
    Split,
    hold_out_of_each,
)

_TEST_SHARE = 5  # one image in so many of each class is held out where the folder has no test part
_NAMED = 5  # damaged files named in one message


def read_folder(
    root: Path,
    *,
    channels: int | None,
    size: tuple[int, int] | None,
    memory_limit: int | None = None,
) -> ImageSet | None:
    """Read a folder or archive of images.

    Args:
        root: the folder or archive; see ``list_images`` for its layout.
        channels: 1 or 3; None takes what the first image has.
        size: H, W to resize to; None wants all images of one size and keeps it.
        memory_limit: bytes that the decoded images may take; above it they stay on disk and are
            decoded by worker processes while training. None means half of the free memory.

    Returns:
        The set; None if there is no image in any class folder.

    Raises:
        ShapescopeError: damaged files (named), images of several sizes without ``size``.
    """
    listing = list_images(root)
    if listing is None:
        return None
    own_size, own_channels = probe(listing.train[0].content, listing.train[0].name)
    if size is None:
        _one_size(listing, own_size)
    height, width = size or own_size
    channels = channels or own_channels
    count = len(listing.train) + len(listing.test)
    limit = _free_memory() // 2 if memory_limit is None else memory_limit
    fits = count * channels * height * width <= limit

    def split(name: str, files: Sequence[ImageFile]) -> Split:
        labels = torch.tensor([file.label for file in files], dtype=torch.int64)
        lazy = FilePixels(tuple(files), (channels, height, width))
        pixels: Pixels = lazy.into_memory() if fits else lazy
        return Split(name, pixels, labels, tuple(file.name for file in files))

    train = split("train", listing.train)
    notes = list(listing.notes)
    if listing.test:
        test = split("test", listing.test)
    else:
        if len(train) == 1:
            raise ShapescopeError(f"{root} holds one image: too few to train and test on")
        train, test = hold_out_of_each(train, _TEST_SHARE, seed=0)
        held = "1 image" if len(test) == 1 else f"{len(test):,} images, drawn from each class,"
        notes.append(f"no test folder: {held} held out as test")
    if not fits:
        notes.append("the images do not fit in memory: read from disk by worker processes")
    name = root.name.split(".")[0]
    return ImageSet(name, name, listing.classes, train, test, str(root), tuple(notes))


def _one_size(listing: Listing, own_size: tuple[int, int]) -> None:
    for file in (*listing.train, *listing.test):
        size, _ = probe(file.content, file.name)
        if size != own_size:
            raise ShapescopeError(
                f"images differ in size ({listing.train[0].name} is {own_size[0]} x "
                f"{own_size[1]}, {file.name} {size[0]} x {size[1]}): choose one with --image-size"
            )


def _free_memory() -> int:
    """Return the bytes of memory that are free now, as far as the system tells."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on every system
        return 4 << 30


class _Files(Dataset[torch.Tensor]):
    """Image files by number, for a DataLoader's workers."""

    def __init__(self, files: Sequence[ImageFile], shape: tuple[int, int, int]) -> None:
        self.files = files
        self.shape = shape

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> torch.Tensor:
        file = self.files[number]
        channels, height, width = self.shape
        return decode(file.content, file.name, channels=channels, size=(height, width))


@dataclass(frozen=True, slots=True, eq=False)
class FilePixels:
    """Images that stay in their files and are decoded when read.

    Attributes:
        files: where each image is.
        shape: C, H, W they are converted and resized to.
        workers: processes that decode; None takes one per core, at most four.
    """

    files: tuple[ImageFile, ...]
    shape: tuple[int, int, int]
    workers: int | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def read(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield the images each part names, decoded ahead by worker processes."""
        workers = min(os.cpu_count() or 1, 4) if self.workers is None else self.workers
        loader = DataLoader(
            _Files(self.files, self.shape),
            batch_sampler=[part.tolist() for part in parts],
            num_workers=workers,
            generator=torch.Generator(),  # else each pass would draw from the global one
        )
        yield from loader

    def resized(self, size: tuple[int, int]) -> FilePixels:
        """Return the same images, converted to H x W when they are read."""
        return replace(self, shape=(self.shape[0], *size))

    def into_memory(self) -> MemoryPixels:
        """Decode every image now.

        Raises:
            ShapescopeError: naming the files that are damaged.
        """
        data = torch.empty(len(self.files), *self.shape, dtype=torch.uint8)
        channels, height, width = self.shape
        damaged: list[str] = []
        for number, file in enumerate(self.files):
            try:
                data[number] = decode(
                    file.content, file.name, channels=channels, size=(height, width)
                )
            except ShapescopeError as error:
                damaged.append(str(error))
        if damaged:
            more = f"; and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
            raise ShapescopeError("; ".join(damaged[:_NAMED]) + more)
        return MemoryPixels(data)
