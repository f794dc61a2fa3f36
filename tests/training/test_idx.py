"""The idx files of MNIST and Fashion-MNIST: read as they are, and every fault named."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.idx import FASHION_MNIST, MNIST, locate, parse, read_set


def idx_bytes(values: torch.Tensor) -> bytes:
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return head + values.to(torch.uint8).numpy().tobytes()


def write_set(folder: Path, train: int = 6, test: int = 4, *, packed: bool = True) -> Path:
    """A small set of the same form: its images count up, its labels go round."""
    folder.mkdir(parents=True, exist_ok=True)
    for count, images, labels in (
        (train, MNIST.train_images.name, MNIST.train_labels.name),
        (test, MNIST.test_images.name, MNIST.test_labels.name),
    ):
        pixels = torch.arange(count * 784).reshape(count, 28, 28) % 256
        for name, values in ((images, pixels), (labels, torch.arange(count) % 10)):
            content = idx_bytes(values)
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("below", ["MNIST/raw", "MNIST", "raw", "."])
@pytest.mark.parametrize("packed", [True, False])
def test_files_are_found_and_read_wherever_they_lie(
    tmp_path: Path, below: str, packed: bool
) -> None:
    write_set(tmp_path / below, packed=packed)
    paths = locate(tmp_path, MNIST)
    assert paths is not None
    train, test, notes = read_set(paths, MNIST)
    assert (len(train), len(test)) == (6, 4)
    assert train.pixels.shape == (1, 28, 28)
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    images = next(iter(train.pixels.read([torch.tensor([2, 0])])))
    assert images[1, 0, 0, :3].tolist() == [0, 1, 2]
    assert images[0, 0, 0, 0] == 2 * 784 % 256
    assert len(notes) == 4
    assert notes[0] == f"{paths[0].name} holds 6 items, the original 60,000"


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert locate(tmp_path, MNIST) is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ShapescopeError, match="t10k-labels-idx1-ubyte is missing"):
        locate(tmp_path, MNIST)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def scratch(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_idx(path: Path) -> None:
    path.write_bytes(gzip.compress(b"<html>not found</html>"))


def labels_instead(path: Path) -> None:
    path.write_bytes(gzip.compress(idx_bytes(torch.arange(6))))


def too_few_bytes(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-100]))


def header_only(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:9]))


def fewer(path: Path) -> None:
    path.write_bytes(gzip.compress(idx_bytes(torch.zeros(5, 28, 28))))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "is cut short: fetch it again"),
        (scratch, "is damaged"),
        (empty, "holds|is cut short|is no idx file"),
        (no_idx, "is no idx file of bytes: it starts with 3c 68 74 6d"),
        (labels_instead, "holds labels where its name promises images"),
        (too_few_bytes, "should hold 6 x 28 x 28 = 4,704 bytes after its header and holds 4,604"),
        (header_only, "is cut short inside its header"),
        (fewer, "holds 5 images, .*train-labels.* 6 labels"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_spoilt_file_is_named_with_its_fault(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    paths = locate(write_set(tmp_path), MNIST)
    assert paths is not None
    spoil(paths[0])
    with pytest.raises(ShapescopeError, match=said) as caught:
        read_set(paths, MNIST)
    assert "train-images-idx3-ubyte.gz" in str(caught.value)


def test_labels_beyond_nine_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(torch.tensor([0, 1, 2, 3, 4, 10]))))
    paths = locate(tmp_path, MNIST)
    assert paths is not None
    with pytest.raises(ShapescopeError, match="holds the label 10; there are classes 0 to 9"):
        read_set(paths, MNIST)


def test_parse_refuses_an_empty_set() -> None:
    with pytest.raises(ShapescopeError, match="holds nothing"):
        parse(idx_bytes(torch.zeros(0, 28, 28)), Path("x"), 3)


def test_the_real_sets_are_the_originals(real_data: Path) -> None:
    for idx_set in (MNIST, FASHION_MNIST):
        paths = locate(real_data, idx_set)
        assert paths is not None
        train, test, notes = read_set(paths, idx_set)
        assert (len(train), len(test), notes) == (60_000, 10_000, ())


def test_one_set_under_the_name_of_another_is_told_apart(real_data: Path, tmp_path: Path) -> None:
    for file in (real_data / "FashionMNIST" / "raw").iterdir():
        (tmp_path / file.name).symlink_to(file)
    paths = locate(tmp_path, MNIST)
    assert paths is not None
    with pytest.raises(ShapescopeError, match="is train-images-idx3-ubyte of Fashion-MNIST, not"):
        read_set(paths, MNIST)


def test_one_changed_byte_in_an_unpacked_original_is_noticed(
    real_data: Path, tmp_path: Path
) -> None:
    for file in (real_data / "MNIST" / "raw").iterdir():
        (tmp_path / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    scratch(tmp_path / MNIST.test_labels.name)
    paths = locate(tmp_path, MNIST)
    assert paths is not None
    with pytest.raises(ShapescopeError, match="t10k-labels-idx1-ubyte"):
        read_set(paths, MNIST)
