"""Decoded images kept in the user's cache folder, so that a set is unpacked once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from platformdirs import user_cache_path
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from shapescope.training.datasets.pixels import ImageSet, MemoryPixels, Split
from shapescope.training.files import write_atomically

_VERSION = 2


def cache_folder() -> Path:
    """Return shapescope's cache folder for data, which may not exist yet."""
    return user_cache_path("shapescope") / "datasets"


def key_of(paths: Iterable[Path], *settings: object) -> str:
    """Return a name for what comes out of these files under these settings.

    A file counts by its path, size and time of change: one that was replaced gets another key.
    """
    digest = hashlib.sha256(repr((_VERSION, settings)).encode())
    for path in paths:
        status = path.stat()
        line = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:24]


def load(key: str) -> ImageSet | None:
    """Return the set kept under a key, or None if there is none that can be read."""
    path = cache_folder() / f"{key}.safetensors"
    try:
        with safe_open(path, framework="pt") as stored:
            facts = json.loads(stored.metadata()["set"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        train, test = (
            Split(
                name,
                MemoryPixels(tensors[f"{name}_images"]),
                tensors[f"{name}_labels"],
                tuple(facts["files"][name]),
            )
            for name in ("train", "test")
        )
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        # a damaged cache is no loss: it is made anew from the files it came from
        path.unlink(missing_ok=True)
        return None
    return ImageSet(
        facts["name"],
        facts["title"],
        tuple(facts["classes"]),
        train,
        test,
        facts["source"],
        tuple(facts["notes"]),
    )


def store(key: str, image_set: ImageSet) -> bool:
    """Keep a set under a key, if it lies in memory and the disk has room.

    Returns:
        Whether it is kept. A cache that cannot be written is no error: the set is read again.
    """
    train, test = _in_memory(image_set.train), _in_memory(image_set.test)
    if train is None or test is None:
        return False
    facts = {
        "name": image_set.name,
        "title": image_set.title,
        "classes": image_set.classes,
        "source": image_set.source,
        "notes": image_set.notes,
        "files": {split.name: split.files for split in image_set.splits},
    }
    content = save(
        {
            "train_images": train,
            "train_labels": image_set.train.labels.contiguous(),
            "test_images": test,
            "test_labels": image_set.test.labels.contiguous(),
        },
        metadata={"set": json.dumps(facts)},
    )
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{key}.safetensors", content)
    except OSError:
        return False
    return True


def _in_memory(split: Split) -> torch.Tensor | None:
    if isinstance(split.pixels, MemoryPixels):
        return split.pixels.data.contiguous()
    return None
