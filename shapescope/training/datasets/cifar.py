"""CIFAR-10 as its authors pack it, read through torchvision, which checks every file's md5."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path

import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets import cache
from shapescope.training.datasets.known import KnownSet
from shapescope.training.datasets.pixels import ImageSet, MemoryPixels, Split

_FOLDER = "cifar-10-batches-py"
_ARCHIVE = "cifar-10-python.tar.gz"
_ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"


def locate_batches(data_dir: Path) -> Path | None:
    """Return the unpacked folder or the archive below ``data_dir``, or None."""
    if data_dir.is_file():
        return data_dir if data_dir.name == _ARCHIVE else None
    if data_dir.name == _FOLDER:
        return data_dir
    for place in (data_dir / _FOLDER, data_dir / _ARCHIVE):
        if place.exists():
            return place
    return None


def read_batches(place: Path, known: KnownSet) -> ImageSet:
    """Read the authors' files, through the cache.

    They are pickles, which could run code: they are opened only after their md5 was found to be
    that of the originals.

    Raises:
        ShapescopeError: a file is not the original.
    """
    paths = sorted(place.iterdir()) if place.is_dir() else [place]
    key = cache.key_of(paths, known.name)
    kept = cache.load(key)
    if kept is not None:
        return kept
    if place.is_dir():
        found = from_torchvision(place.parent, known, str(place))
    else:
        found = _from_archive(place, known)
    cache.store(key, found)
    return found


def _from_archive(place: Path, known: KnownSet) -> ImageSet:
    with place.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != _ARCHIVE_MD5:
        raise ShapescopeError(
            f"{place} is not the original (md5 {digest}, expected {_ARCHIVE_MD5}): fetch it again"
        )
    with tempfile.TemporaryDirectory() as folder, tarfile.open(place) as archive:
        archive.extractall(folder, filter="data")
        return from_torchvision(Path(folder), known, str(place))


def from_torchvision(root: Path, known: KnownSet, source: str) -> ImageSet:
    """Read a set that torchvision knows from torchvision's root, checking every file.

    Raises:
        ShapescopeError: a file is missing or not the original.
    """
    from torchvision import datasets

    splits = []
    for name in ("train", "test"):
        try:
            stored = getattr(datasets, known.torchvision)(str(root), train=name == "train")
        except (RuntimeError, OSError) as error:
            raise ShapescopeError(f"{source} is damaged or not complete: {error}") from error
        data = torch.as_tensor(stored.data)
        images = data.unsqueeze(1) if data.ndim == 3 else data.permute(0, 3, 1, 2).contiguous()
        labels = torch.as_tensor(stored.targets, dtype=torch.int64)
        splits.append(Split(name, MemoryPixels(images), labels))
    return ImageSet(known.name, known.title, known.classes, splits[0], splits[1], source)
