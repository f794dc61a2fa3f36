"""Which image files belong to which class: a folder of folders, or an archive of one."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.decode import SUFFIXES

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
_Class: TypeAlias = dict[str, list[tuple[str, "Path | bytes"]]]
_Table: TypeAlias = dict[tuple[str, ...], list[tuple[str, "Path | bytes"]]]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image file.

    Attributes:
        name: for messages, as the user would write it.
        label: the number of its class.
        content: its path, or its bytes if it lay in an archive.
    """

    name: str
    label: int
    content: Path | bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """The image files of a folder or archive.

    Attributes:
        classes: class names in alphabetical order; a label is a place in it.
        train: files to train on.
        test: files to test on; empty where the folder makes no difference.
        notes: what was passed over.
    """

    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    notes: tuple[str, ...] = field(default=())


def is_archive(path: Path) -> bool:
    """Tell whether a file's name says that it is an archive this module reads."""
    return path.is_file() and path.name.lower().endswith(_ARCHIVES)


def list_images(root: Path) -> Listing | None:
    """List the images below a folder, or in a tar or zip archive.

    ``<class>/image.png`` or ``train/<class>/image.png`` with ``test/<class>/image.png`` beside it;
    ``val``, ``valid`` and ``validation`` stand for ``test`` where there is none.

    Args:
        root: the folder or archive.

    Returns:
        The listing; None if there is no image in any class folder.

    Raises:
        ShapescopeError: the archive is damaged, or the test classes are not the training classes.
    """
    members = _archive_members(root) if is_archive(root) else _folder_members(root)
    table: _Table = {}
    passed_over: list[str] = []
    for parts, content in members:
        if any(part.startswith((".", "__MACOSX")) for part in parts) or len(parts) < 2:
            continue
        if PurePosixPath(parts[-1]).suffix.lower() not in SUFFIXES:
            passed_over.append("/".join(parts))
            continue
        table.setdefault(parts[:-1], []).append((str(Path(root, *parts)), content))
    if not table:
        return None
    table = _without_wrapper(table)
    train, test = _by_split(table)
    if not train:
        return None
    classes = tuple(sorted(train))
    strange = sorted(set(test) - set(classes))
    if strange:
        raise ShapescopeError(f"{root}: the test folder has classes that train has not: {strange}")
    notes = []
    if passed_over:
        shown = ", ".join(passed_over[:3]) + (", ..." if len(passed_over) > 3 else "")
        one = len(passed_over) == 1
        many = f"{len(passed_over)} files that are no images were"
        what = "1 file that is no image was" if one else many
        notes.append(f"{what} passed over: {shown}")
    notes += _taken_for_classes(table)
    empty = _empty_folders(root)
    if empty:
        notes.append(f"no class was made of empty folders: {', '.join(empty)}")
    return Listing(classes, _files(train, classes), _files(test, classes), tuple(notes))


def _without_wrapper(table: _Table) -> _Table:
    """Leave out folders that all images share, as archives often wrap theirs in one."""
    known = {*_TRAIN, *_TEST}
    while all(len(key) > 1 for key in table):
        tops = {key[0] for key in table}
        if len(tops) > 1 or tops & known:
            break
        table = {key[1:]: files for key, files in table.items()}
    return table


def _by_split(table: _Table) -> tuple[_Class, _Class]:
    def below(top: str) -> _Class:
        classes: _Class = {}
        for key, files in table.items():
            if key[0].lower() == top and len(key) > 1:
                classes.setdefault(key[1], []).extend(files)
        return classes

    train = next((found for top in _TRAIN if (found := below(top))), None)
    if train is not None:
        return train, next((found for top in _TEST if (found := below(top))), {})
    classes: _Class = {}
    for key, files in table.items():
        classes.setdefault(key[0], []).extend(files)
    return classes, {}


def _taken_for_classes(table: _Table) -> list[str]:
    """Tell of folders that became classes and look like parts of a set: all hold the same ones."""
    held: dict[str, set[str]] = {}
    for top, *rest in table:
        held.setdefault(top, set()).update(rest[:1])
    first = next(iter(held.values()))
    alike = all(names == first for names in held.values())
    if len(held) < 2 or len(first) < 2 or not alike or {top.lower() for top in held} & {*_TRAIN}:
        return []
    tops, names = ", ".join(sorted(held)), ", ".join(sorted(first))
    told = f"{tops} are taken for the classes, though each holds the folders {names}"
    return [f"{told}: parts of a set are called train and test"]


def _files(table: _Class, classes: tuple[str, ...]) -> tuple[ImageFile, ...]:
    return tuple(
        ImageFile(name, classes.index(label), content)
        for label in sorted(table)
        for name, content in sorted(table[label], key=lambda pair: pair[0])
    )


def _folder_members(root: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    if not root.is_dir():
        return
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path.relative_to(root).parts, path


def _empty_folders(root: Path) -> list[str]:
    """Return the folders below a root, if it is one, that hold nothing."""
    if not root.is_dir():
        return []
    folders = (path for path in sorted(root.rglob("*")) if path.is_dir())
    return [
        str(path.relative_to(root))
        for path in folders
        if not path.name.startswith(".") and not any(path.iterdir())
    ]


def _archive_members(path: Path) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the members of an archive; nothing is unpacked to disk."""
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        yield PurePosixPath(info.filename).parts, archive.read(info)
            return
        with tarfile.open(path) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield PurePosixPath(member.name).parts, stream.read()
    except EOFError as error:
        raise ShapescopeError(f"{path} is cut short: fetch it again") from error
    except (OSError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ShapescopeError(f"{path} is damaged ({error}): fetch it again") from error
