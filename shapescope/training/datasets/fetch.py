"""From the name of a data set, or a folder, to its images."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets import cache
from shapescope.training.datasets.cifar import locate_batches, read_batches
from shapescope.training.datasets.download import download
from shapescope.training.datasets.folder import read_folder
from shapescope.training.datasets.idx import locate, read_set
from shapescope.training.datasets.known import KnownSet
from shapescope.training.datasets.listing import is_archive
from shapescope.training.datasets.pixels import ImageSet

ENVIRONMENT = "SHAPESCOPE_DATA"


def data_dir_from(option: Path | None) -> Path | None:
    """Return the folder the user named, by option or else by ``SHAPESCOPE_DATA``.

    Raises:
        ShapescopeError: it does not exist.
    """
    variable = os.environ.get(ENVIRONMENT)
    chosen = option or (Path(variable) if variable else None)
    if chosen is not None and not chosen.exists():
        said = "--data-dir" if option else ENVIRONMENT
        raise ShapescopeError(f"{said} names {chosen}, which does not exist")
    return chosen


def load_known(known: KnownSet, data_dir: Path | None = None, *, sample: bool = False) -> ImageSet:
    """Return a data set of the documents.

    Args:
        known: which one.
        data_dir: where the user has it: torchvision's root, the folder of the files themselves, an
            image folder or an archive. None looks at what was downloaded before, then downloads.
        sample: take the small sample that is shipped with shapescope instead.

    Raises:
        ShapescopeError: it is not there, or damaged.
    """
    if sample:
        root = Path(str(files("shapescope.training") / "samples" / known.sample))
        found = find_known(known, root)
        if found is None:
            raise ShapescopeError(f"the shipped sample of {known.title} is missing: {root}")
        note = (
            f"a small sample of {known.title}: {len(found.train):,} images to train on and "
            f"{len(found.test):,} to test on; expect lower figures than with the whole set"
        )
        return _renamed(found, known, "the sample shipped with shapescope", (note,))
    if data_dir is not None:
        found = find_known(known, data_dir)
        if found is None:
            raise ShapescopeError(_not_there(known, data_dir))
        return found
    return download(known)


def _not_there(known: KnownSet, data_dir: Path) -> str:
    if known.idx is not None:
        wanted = (
            f"{known.idx.folder}/raw/{known.idx.train_images.name} (or .gz) and the other three"
        )
    else:
        wanted = (
            "cifar-10-batches-py/, cifar-10-python.tar.gz, or images in train/<class>/ and "
            "test/<class>/, as a folder or an archive whose name has cifar10 in it"
        )
    return (
        f"{known.title} is not in {data_dir}: looked for {wanted}. Or leave --data-dir out to "
        "download it, or use --sample"
    )


def find_known(known: KnownSet, data_dir: Path) -> ImageSet | None:
    """Return a set from a folder or archive, through the cache; None if it is not there.

    Raises:
        ShapescopeError: a part of it is there, or damaged.
    """
    if known.idx is not None:
        paths = locate(data_dir, known.idx) if data_dir.is_dir() else None
        if paths is None:
            return None
        key = cache.key_of(paths, known.name)
        kept = cache.load(key)
        if kept is not None:
            return kept
        train, test, notes = read_set(paths, known.idx)
        source = str(paths[0].parent)
        read = ImageSet(known.name, known.title, known.classes, train, test, source, notes)
        cache.store(key, read)
        return read
    batches = locate_batches(data_dir)
    if batches is not None:
        return read_batches(batches, known)
    for place in _image_places(data_dir):
        found = load_images(place, channels=known.shape[0], size=known.shape[1:])
        if found is not None and found.classes == known.classes:
            return _renamed(found, known, str(place), found.notes)
    return None


def _image_places(data_dir: Path) -> list[Path]:
    """Return where the images of CIFAR-10 may lie: the place itself, or what is named so in it."""
    if data_dir.is_file():
        return [data_dir] if is_archive(data_dir) else []
    named = sorted(
        path
        for path in data_dir.iterdir()
        if "cifar10" in path.name.lower().replace("-", "").replace("_", "")
        and (path.is_dir() or is_archive(path))
    )
    if (data_dir / "train").is_dir():
        return [data_dir, *named]
    return named


def load_images(
    root: Path, *, channels: int | None = None, size: tuple[int, int] | None = None
) -> ImageSet | None:
    """Return the images of a folder with a folder per class, or of an archive of one.

    Args:
        root: the folder or archive.
        channels: 1 or 3; None takes what the first image has.
        size: H, W to resize to; None keeps the images' own.

    Returns:
        The set, through the cache; None if there is no image in any class folder.

    Raises:
        ShapescopeError: damaged images, named; images of several sizes and no ``size``.
    """
    if root.is_dir():
        paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    else:
        paths = [root]
    key = cache.key_of(paths, "images", str(root), channels, size)
    kept = cache.load(key)
    if kept is not None:
        return kept
    found = read_folder(root, channels=channels, size=size)
    if found is not None:
        cache.store(key, found)
    return found


def _renamed(
    found: ImageSet, known: KnownSet, source: str, notes: tuple[str, ...] = ()
) -> ImageSet:
    return ImageSet(known.name, known.title, known.classes, found.train, found.test, source, notes)
