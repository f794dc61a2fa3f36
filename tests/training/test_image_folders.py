"""A user's own images: folders and archives, and every damaged file named."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.folder import FilePixels, read_folder
from shapescope.training.datasets.listing import list_images
from shapescope.training.datasets.pixels import ImageSet, MemoryPixels


def png(value: int, size: tuple[int, int] = (8, 6), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    colour = value if mode == "L" else (value, value // 2, 0)
    Image.new(mode, (size[1], size[0]), colour).save(buffer, "PNG")
    return buffer.getvalue()


def fill(root: Path, layout: dict[str, int], **arguments: object) -> Path:
    """Write so many images into each folder; their red value counts up."""
    value = 0
    for folder, count in layout.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = root / folder / f"{number:03}.png"
            path.write_bytes(png(value, **arguments))  # type: ignore[arg-type]
            value += 1
    return root


def read(root: Path, **arguments: object) -> ImageSet:
    found = read_folder(root, **({"channels": None, "size": None} | arguments))  # type: ignore[arg-type]
    assert found is not None
    return found


TWO = {"train/cat": 3, "train/dog": 2, "test/cat": 1, "test/dog": 1}


def test_train_and_test_folders(tmp_path: Path) -> None:
    found = read(fill(tmp_path / "pets", TWO))
    assert found.classes == ("cat", "dog")
    assert found.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.test.labels.tolist() == [0, 1]
    assert found.train.pixels.shape == (3, 8, 6)
    images = next(iter(found.train.pixels.read([torch.arange(5)])))
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert images[4, 1, 0, 0] == 2
    assert found.train.file(3) == str(tmp_path / "pets" / "train" / "dog" / "000.png")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "testing"])
def test_other_names_of_the_test_folder(tmp_path: Path, name: str) -> None:
    found = read(fill(tmp_path, {"train/a": 2, f"{name}/a": 1}))
    assert (len(found.train), len(found.test)) == (2, 1)


def test_without_a_test_folder_a_fifth_is_held_out_always_the_same(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 10, "b": 10})
    first, second = read(tmp_path), read(tmp_path)
    assert (len(first.train), len(first.test)) == (16, 4)
    assert first.test.name == "test"
    (image,) = first.test.pixels.read([torch.tensor([2])])
    assert Path(first.test.file(2)).read_bytes() == png(int(image[0, 0, 0, 0]))
    assert first.test.labels.tolist() == [0, 0, 1, 1]
    assert "4 images, drawn from each class, held out as test" in first.notes[-1]
    assert first.test.labels.equal(second.test.labels)

    def values(found: ImageSet) -> list[int]:
        whole = [*found.train.pixels.read([torch.arange(16)])]
        whole += [*found.test.pixels.read([torch.arange(4)])]
        return [int(value) for value in torch.cat(whole)[:, 0, 0, 0]]

    assert values(first) == values(second)
    assert sorted(values(first)) == list(range(20))


def into_tar(root: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(root, "wrapped")
    return path


def into_zip(root: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root))
    return path


@pytest.mark.parametrize(
    ("pack", "name"), [(into_tar, "pets.tar.gz"), (into_tar, "pets.tgz"), (into_zip, "pets.zip")]
)
def test_an_archive_is_as_its_folder_and_nothing_is_unpacked(
    tmp_path: Path, pack: Callable[[Path, Path], Path], name: str
) -> None:
    folder = fill(tmp_path / "pets", TWO)
    place = tmp_path / "archive"
    place.mkdir()
    found, same = read(pack(folder, place / name)), read(folder)
    assert found.classes == same.classes
    assert found.train.labels.equal(same.train.labels)
    numbers = [torch.arange(5)]
    assert next(iter(found.train.pixels.read(numbers))).equal(
        next(iter(same.train.pixels.read(numbers)))
    )
    assert [path.name for path in place.iterdir()] == [name]


@pytest.mark.parametrize("name", ["pets.tar.gz", "pets.zip"])
def test_a_cut_archive_is_named(tmp_path: Path, name: str) -> None:
    pack = into_zip if name.endswith("zip") else into_tar
    path = pack(fill(tmp_path / "pets", TWO), tmp_path / name)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(ShapescopeError, match=rf"{name} is (cut short|damaged)"):
        list_images(path)


def test_damaged_images_are_all_named(tmp_path: Path) -> None:
    fill(tmp_path, TWO)
    (tmp_path / "train" / "cat" / "001.png").write_bytes(b"no image at all")
    whole = (tmp_path / "train" / "dog" / "001.png").read_bytes()
    (tmp_path / "train" / "dog" / "001.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ShapescopeError) as caught:
        read(tmp_path, size=(8, 6))
    assert "cat/001.png is no image" in str(caught.value)
    assert "dog/001.png is" in str(caught.value)


def test_images_of_several_sizes_need_one_size(tmp_path: Path) -> None:
    fill(tmp_path, TWO)
    (tmp_path / "train" / "dog" / "009.png").write_bytes(png(1, (9, 9)))
    with pytest.raises(ShapescopeError, match=r"009.png 9 x 9\): choose one with --image-size"):
        read(tmp_path)
    assert read(tmp_path, size=(4, 4)).train.pixels.shape == (3, 4, 4)


@pytest.mark.parametrize(("asked", "channels"), [(None, 1), (1, 1), (3, 3)])
def test_grey_images_stay_grey_unless_colour_is_asked(
    tmp_path: Path, asked: int | None, channels: int
) -> None:
    found = read(fill(tmp_path, TWO, mode="L"), channels=asked)
    assert found.train.pixels.shape[0] == channels


def test_what_is_no_image_is_passed_over_and_said(tmp_path: Path) -> None:
    fill(tmp_path, TWO)
    (tmp_path / "train" / "cat" / "notes.txt").write_text("hello")
    (tmp_path / "train" / "cat" / ".hidden.png").write_bytes(b"x")
    found = read(tmp_path)
    assert found.notes == ("1 file that is no image was passed over: train/cat/notes.txt",)


def test_parts_of_a_set_that_are_taken_for_classes_are_told(tmp_path: Path) -> None:
    found = read(fill(tmp_path, {"tst/a": 1, "tst/b": 1, "trn/a": 4, "trn/b": 4}))
    assert found.classes == ("trn", "tst")
    assert found.notes[0] == (
        "trn, tst are taken for the classes, though each holds the folders a, b: "
        "parts of a set are called train and test"
    )
    (tmp_path / "trn" / "b").rename(tmp_path / "trn" / "c")  # kinds within a class, say
    assert len(read(tmp_path).notes) == 1


def test_a_class_that_only_test_has_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"train/a": 1, "test/a": 1, "test/b": 1})
    with pytest.raises(ShapescopeError, match=r"test folder has classes that train has not: \['b'"):
        list_images(tmp_path)


def test_a_folder_without_images_is_none(tmp_path: Path) -> None:
    assert list_images(tmp_path) is None
    (tmp_path / "lonely.png").write_bytes(png(1))
    assert list_images(tmp_path) is None


@pytest.mark.parametrize(
    ("counts", "held"),
    [
        ({"a": 50, "b": 5, "c": 2, "d": 1}, [10, 1, 1, 0]),
        ({"a": 9, "b": 4}, [1, 1]),
        ({"a": 1, "b": 2}, [0, 1]),
    ],
)
def test_each_class_gives_its_share(
    tmp_path: Path, counts: dict[str, int], held: list[int]
) -> None:
    found = read(fill(tmp_path, counts))
    numbers = found.test.labels.bincount(minlength=len(counts)).tolist()
    assert numbers == held
    kept = found.train.labels.bincount(minlength=len(counts)).tolist()
    assert [a + b for a, b in zip(kept, numbers, strict=True)] == list(counts.values())
    assert not {*found.train.files} & {*found.test.files}


def test_classes_of_one_image_give_one_in_all(tmp_path: Path) -> None:
    found = read(fill(tmp_path, {"a": 1, "b": 1}))
    assert (len(found.train), len(found.test)) == (1, 1)
    assert found.notes[-1] == "no test folder: 1 image held out as test"


def test_one_image_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(ShapescopeError, match="holds one image"):
        read(fill(tmp_path, {"a": 1}))


def test_images_that_do_not_fit_in_memory_are_read_from_disk(tmp_path: Path) -> None:
    fill(tmp_path, TWO)
    lazy, whole = read(tmp_path, memory_limit=10), read(tmp_path)
    assert isinstance(lazy.train.pixels, FilePixels)
    assert isinstance(whole.train.pixels, MemoryPixels)
    assert "read from disk by worker processes" in lazy.notes[-1]
    order = [torch.tensor([4, 0]), torch.tensor([2])]
    own = FilePixels(lazy.train.pixels.files, lazy.train.pixels.shape, workers=0)
    before = torch.get_rng_state()
    for left, right in zip(own.read(order), whole.train.pixels.read(order), strict=True):
        assert left.equal(right)
    assert torch.get_rng_state().equal(before)


def test_worker_processes_read_the_same(tmp_path: Path) -> None:
    found = read(fill(tmp_path, TWO), memory_limit=10)
    assert isinstance(found.train.pixels, FilePixels)
    own = FilePixels(found.train.pixels.files, found.train.pixels.shape, workers=1)
    images = torch.cat(list(own.read([torch.tensor([4]), torch.tensor([1, 0])])))
    assert images[:, 0, 0, 0].tolist() == [4, 1, 0]
