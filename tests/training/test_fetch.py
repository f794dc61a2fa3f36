"""From a name to images: the shipped samples, the cache, the real sets, and what is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from platformdirs import user_cache_path

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets import cache
from shapescope.training.datasets.describe import facts
from shapescope.training.datasets.fetch import data_dir_from, load_images, load_known
from shapescope.training.datasets.known import KNOWN_SETS, KnownSet, find_set, set_names


def known(name: str) -> KnownSet:
    found = find_set(name)
    assert found is not None
    return found


@pytest.mark.parametrize("entry", KNOWN_SETS, ids=lambda entry: entry.name)
def test_the_shipped_sample_is_balanced(entry: KnownSet) -> None:
    found = load_known(entry, sample=True)
    train, test = facts(found)
    assert (train.length, test.length) == (2_000, 500)
    assert train.bincount == (200,) * 10
    assert test.bincount == (50,) * 10
    assert train.shape == entry.shape
    assert train.balanced
    assert "a small sample" in found.notes[0]


def test_samples_are_a_few_megabytes() -> None:
    folder = Path(cache.__file__).parents[1] / "samples"
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 4_000_000


def test_the_sample_begins_as_the_documents_show() -> None:
    fashion, _ = facts(load_known(known("fashion-mnist"), sample=True))
    assert fashion.batch_labels == (9, 0, 0, 3, 0, 2, 7, 2, 5, 5)
    assert fashion.first_label == 9
    _, digits = facts(load_known(known("mnist"), sample=True))
    assert digits.batch_labels[:5] == (7, 2, 1, 0, 4)


def test_fashion_mnist_has_what_document_four_prints(real_data: Path) -> None:
    train, test = facts(load_known(known("fashion-mnist"), real_data))
    assert train.length == 60_000
    assert test.length == 10_000
    assert train.first_targets == (9, 0, 0)
    assert train.last_targets == (3, 0, 5)
    assert train.bincount == (6_000,) * 10
    assert train.mean[0] == pytest.approx(0.2860, abs=1e-4)
    assert train.std[0] == pytest.approx(0.3530, abs=1e-4)


def test_mnist_has_the_mean_and_deviation_the_documents_normalise_by(real_data: Path) -> None:
    train, test = facts(load_known(known("mnist"), real_data))
    assert (train.mean[0], train.std[0]) == pytest.approx((0.1307, 0.3081), abs=1e-4)
    assert (test.mean[0], test.std[0]) == pytest.approx((0.1325, 0.3105), abs=1e-4)
    assert not train.balanced


def test_statistics_are_those_of_torch() -> None:
    found = load_known(known("cifar-10"), sample=True)
    train, _ = facts(found)
    images = next(iter(found.train.pixels.read([torch.arange(2_000)]))).double() / 255
    values = images.transpose(0, 1).flatten(1)
    assert train.mean == pytest.approx(values.mean(1).tolist())
    assert train.std == pytest.approx(values.std(1, correction=0).tolist())


def test_a_second_reading_comes_from_the_cache(real_data: Path) -> None:
    first = load_known(known("mnist"), real_data)
    kept = list((user_cache_path("shapescope") / "datasets").glob("*.safetensors"))
    assert kept
    again = load_known(known("mnist"), real_data)
    assert again.train.labels.equal(first.train.labels)
    assert again.source == first.source
    assert again.classes == first.classes


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    found = load_known(known("mnist"), sample=True)
    assert cache.store("some-key", found)
    path = cache.cache_folder() / "some-key.safetensors"
    again = cache.load("some-key")
    assert again is not None
    assert again.test.labels.equal(found.test.labels)
    path.write_bytes(path.read_bytes()[:100])
    assert cache.load("some-key") is None
    assert not path.exists()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    before = cache.key_of([file])
    os.utime(file, ns=(1, 1))
    assert cache.key_of([file]) != before
    assert cache.key_of([file], "other setting") != cache.key_of([file])


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_known(known("mnist"), sample=True)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "write_atomically", full)
    assert not cache.store("other-key", found)
    assert cache.load("other-key") is None


def test_a_folder_without_the_set_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ShapescopeError, match="looked for MNIST/raw/train-images-idx3-ubyte"):
        load_known(known("mnist"), tmp_path)
    with pytest.raises(ShapescopeError, match=r"cifar-10-batches-py/, cifar-10-python\.tar\.gz"):
        load_known(known("cifar-10"), tmp_path)


def test_no_data_and_no_network_names_all_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    def offline(*_: object, **__: object) -> None:
        raise RuntimeError("Error downloading:\nTried x, got:\n<urlopen error no route>\n")

    monkeypatch.setattr(datasets, "MNIST", offline)
    with pytest.raises(ShapescopeError) as caught:
        load_known(known("mnist"))
    text = str(caught.value)
    assert "(urlopen error no route)" in text
    for way in ("connect to the network", "--data-dir DIR", "SHAPESCOPE_DATA=DIR", "--sample"):
        assert way in text
    assert "\n" not in text


def test_cifar_archive_that_is_not_the_original_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"pickles of somebody")
    with pytest.raises(ShapescopeError, match="is not the original"):
        load_known(known("cifar-10"), tmp_path)


def test_cifar_pickles_that_are_not_the_originals_are_never_opened(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    marker = tmp_path / "ran"
    code = f"cbuiltins\nexec\n(S\"open({str(marker)!r}, 'w')\"\ntR."
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (folder / name).write_bytes(code.encode())
    with pytest.raises(ShapescopeError, match="damaged or not complete"):
        load_known(known("cifar-10"), tmp_path)
    assert not marker.exists()


def test_data_dir_from_option_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_dir_from(tmp_path) == tmp_path
    assert data_dir_from(None) is None
    monkeypatch.setenv("SHAPESCOPE_DATA", str(tmp_path))
    assert data_dir_from(None) == tmp_path
    monkeypatch.setenv("SHAPESCOPE_DATA", str(tmp_path / "absent"))
    with pytest.raises(ShapescopeError, match=r"SHAPESCOPE_DATA names .*absent, which does not"):
        data_dir_from(None)
    with pytest.raises(ShapescopeError, match="--data-dir names"):
        data_dir_from(tmp_path / "absent")


def test_a_users_data_folder_is_left_as_it_was(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("L", (4, 4)).save(tmp_path / name / f"{number}.png")
    before = sorted(tmp_path.rglob("*"))
    assert load_images(tmp_path) is not None
    assert sorted(tmp_path.rglob("*")) == before


def test_the_cache_knows_the_files_of_images(tmp_path: Path) -> None:
    from PIL import Image

    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / part / "a" / "0.png")
    for _ in ("read", "kept"):
        found = load_images(tmp_path)
        assert found is not None
        files = [split.file(0) for split in found.splits]
        assert files == [str(tmp_path / part / "a" / "0.png") for part in ("train", "test")]


def test_names_of_sets() -> None:
    assert find_set(" MNIST ") is KNOWN_SETS[0]
    assert find_set("imagenet") is None
    assert set_names() == ["mnist", "fashion-mnist", "fashionmnist", "cifar-10", "cifar10"]
