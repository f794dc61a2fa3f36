"""The idx files of MNIST and Fashion-MNIST, gzipped or not, read and checked.

The format: two zero bytes, one byte for the type (8: unsigned byte), one for the number of axes,
a big-endian 32-bit size per axis, then the values.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.pixels import MemoryPixels, Split

_UNSIGNED_BYTE = 8
_IMAGE_AXES = 3
_LABEL_AXES = 1


@dataclass(frozen=True, slots=True)
class IdxFile:
    """One file of a set.

    Attributes:
        name: its name without ``.gz``.
        count: number of images or labels in the original.
        md5: of the unpacked original. A gzip file made anew has other bytes, so the packed file is
            not what is compared.
    """

    name: str
    count: int
    md5: str


@dataclass(frozen=True, slots=True)
class IdxSet:
    """The four files of a set and the folder torchvision keeps them in."""

    folder: str
    title: str
    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile

    @property
    def files(self) -> tuple[IdxFile, IdxFile, IdxFile, IdxFile]:
        """The four files: images and labels to train on, images and labels to test on."""
        return self.train_images, self.train_labels, self.test_images, self.test_labels


MNIST = IdxSet(
    "MNIST",
    "MNIST",
    IdxFile("train-images-idx3-ubyte", 60_000, "6bbc9ace898e44ae57da46a324031adb"),
    IdxFile("train-labels-idx1-ubyte", 60_000, "a25bea736e30d166cdddb491f175f624"),
    IdxFile("t10k-images-idx3-ubyte", 10_000, "2646ac647ad5339dbf082846283269ea"),
    IdxFile("t10k-labels-idx1-ubyte", 10_000, "27ae3e4e09519cfbb04c329615203637"),
)
FASHION_MNIST = IdxSet(
    "FashionMNIST",
    "Fashion-MNIST",
    IdxFile("train-images-idx3-ubyte", 60_000, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    IdxFile("train-labels-idx1-ubyte", 60_000, "9018921c3c673c538a1fc5bad174d6f9"),
    IdxFile("t10k-images-idx3-ubyte", 10_000, "8181f5470baa50b63fa0f6fddb340f0a"),
    IdxFile("t10k-labels-idx1-ubyte", 10_000, "15d484375f8d13e6eb1aabb0c3f46965"),
)


def locate(data_dir: Path, idx_set: IdxSet) -> tuple[Path, ...] | None:
    """Find the four files of a set below a folder.

    Args:
        data_dir: torchvision's root, or the folder the files lie in.
        idx_set: which files to look for.

    Returns:
        The four paths, in the order of ``idx_set.files``; None if the folder has none of them.

    Raises:
        ShapescopeError: some of the four are there and some are not.
    """
    title = idx_set.folder
    places = (data_dir / title / "raw", data_dir / title, data_dir / "raw", data_dir)
    for place in places:
        found = [_one_of(place, file.name) for file in idx_set.files]
        if not any(found):
            continue
        missing = [
            file.name for file, path in zip(idx_set.files, found, strict=True) if path is None
        ]
        if missing:
            raise ShapescopeError(
                f"{place} has a part of {idx_set.title} only: {', '.join(missing)} is missing "
                "(with or without .gz)"
            )
        return tuple(path for path in found if path is not None)
    return None


def _one_of(folder: Path, name: str) -> Path | None:
    dotted = name.replace("-idx", ".idx")  # as some mirrors spell it
    for candidate in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        path = folder / candidate
        if path.is_file():
            return path
    return None


def read_set(paths: tuple[Path, ...], idx_set: IdxSet) -> tuple[Split, Split, tuple[str, ...]]:
    """Read and check the four files of a set.

    Args:
        paths: as ``locate`` returns them.
        idx_set: what they should be.

    Returns:
        The training split, the test split, and notes on files that are sound but not the original.

    Raises:
        ShapescopeError: a file is damaged, cut short, or is another one than its name says.
    """
    tensors: list[torch.Tensor] = []
    notes: list[str] = []
    for path, file in zip(paths, idx_set.files, strict=True):
        raw = _unpack(path)
        axes = _IMAGE_AXES if "idx3" in file.name else _LABEL_AXES
        tensor = parse(raw, path, axes)
        note = _compare(raw, len(tensor), path, file, idx_set)
        if note:
            notes.append(note)
        tensors.append(tensor)
    train = _split("train", tensors[0], tensors[1], paths[0], paths[1])
    test = _split("test", tensors[2], tensors[3], paths[2], paths[3])
    if train.pixels.shape != test.pixels.shape:
        raise ShapescopeError(f"{paths[0]} and {paths[2]} hold images of different sizes")
    return train, test, tuple(notes)


def _unpack(path: Path) -> bytes:
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise ShapescopeError(f"{path} cannot be read: {error.strerror or error}") from error
    if path.suffix != ".gz":
        return packed
    try:
        return gzip.decompress(packed)
    except EOFError as error:
        raise ShapescopeError(f"{path} is cut short: fetch it again") from error
    except (OSError, zlib.error) as error:
        raise ShapescopeError(f"{path} is damaged ({error}): fetch it again") from error


def parse(raw: bytes, path: Path, axes: int) -> torch.Tensor:
    """Return the values of an idx file as a uint8 tensor.

    Args:
        raw: the unpacked bytes.
        path: the file they came from, for messages.
        axes: how many axes there should be: 3 for images, 1 for labels.

    Raises:
        ShapescopeError: the bytes are no idx file of bytes, of another rank, or too few or many.
    """
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != _UNSIGNED_BYTE:
        raise ShapescopeError(f"{path} is no idx file of bytes: it starts with {raw[:4].hex(' ')}")
    if raw[3] != axes:
        words = {_IMAGE_AXES: "images", _LABEL_AXES: "labels"}
        held = words.get(raw[3], f"values on {raw[3]} axes")
        raise ShapescopeError(f"{path} holds {held} where its name promises {words[axes]}")
    start = 4 + 4 * axes
    if len(raw) < start:
        raise ShapescopeError(f"{path} is cut short inside its header")
    sizes = struct.unpack(f">{axes}I", raw[4:start])
    count = 1
    for size in sizes:
        count *= size
    if len(raw) - start != count:
        held = " x ".join(str(size) for size in sizes)
        raise ShapescopeError(
            f"{path} should hold {held} = {count:,} bytes after its header and holds "
            f"{len(raw) - start:,}"
        )
    if count == 0:
        raise ShapescopeError(f"{path} holds nothing")
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=start).reshape(sizes)


def _compare(raw: bytes, count: int, path: Path, file: IdxFile, idx_set: IdxSet) -> str | None:
    """Return a note if the file is another set of its own, None if it is the original."""
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if digest == file.md5:
        return None
    for other_set in (MNIST, FASHION_MNIST):
        for other in other_set.files:
            if digest == other.md5:
                raise ShapescopeError(
                    f"{path} is {other.name} of {other_set.title}, not {file.name} of "
                    f"{idx_set.title}"
                )
    if count == file.count:
        raise ShapescopeError(
            f"{path} has the size of {idx_set.title} but not its bytes (md5 {digest}, expected "
            f"{file.md5}): fetch it again"
        )
    return f"{path.name} holds {count:,} items, the original {file.count:,}"


def _split(
    name: str, images: torch.Tensor, labels: torch.Tensor, image_path: Path, label_path: Path
) -> Split:
    if len(images) != len(labels):
        raise ShapescopeError(
            f"{image_path} holds {len(images):,} images, {label_path} {len(labels):,} labels"
        )
    highest = int(labels.max())
    if highest > 9:
        raise ShapescopeError(f"{label_path} holds the label {highest}; there are classes 0 to 9")
    return Split(name, MemoryPixels(images.unsqueeze(1)), labels.long())
