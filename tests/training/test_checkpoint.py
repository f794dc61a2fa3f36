"""Checkpoints: whole or not at all, never code, and of the network they say."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.networks import CNN, LeNet5, MyLeNet5, Network
from shapescope.training import checkpoint
from shapescope.training.files import remove_parts, write_atomically
from shapescope.training.model import recognised


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    model = Network()
    content = {"weights": model.state_dict(), "epoch": 3, "history": [{"loss": 0.5}], "best": None}
    checkpoint.save(path, content)
    found = checkpoint.load(path)
    assert (found["epoch"], found["history"], found["best"]) == (3, [{"loss": 0.5}], None)
    for name, value in model.state_dict().items():
        assert found["weights"][name].equal(value)
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("form", ["torch", "legacy", "pickle"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path: Path, form: str) -> None:
    marker, path = tmp_path / "ran", tmp_path / "evil.pt"
    evil = {"weights": Evil(marker)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(ShapescopeError, match=r"evil\.pt is refused: reading it would run code"):
        checkpoint.load(path)
    assert not marker.exists()


def test_a_whole_model_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(CNN(), path)
    with pytest.raises(ShapescopeError, match=r"would run code \(shapescope\.networks\.mnist_cnn"):
        checkpoint.load(path)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "cut.pt"
    checkpoint.save(path, {"weights": Network().state_dict()})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ShapescopeError, match=r"cut\.pt is damaged or no checkpoint"):
        checkpoint.load(path)


@pytest.mark.parametrize("place", [0.2, 0.4, 0.6, 0.8])
def test_a_flipped_bit_among_the_weights_is_noticed(tmp_path: Path, place: float) -> None:
    path = tmp_path / "flipped.pt"
    checkpoint.save(path, {"weights": {"w": torch.randn(50_000)}})
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ShapescopeError, match="checksum"):
        checkpoint.load(path)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 1}, {"weights": {"a": 1}}, {}])
def test_a_file_with_something_else_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ShapescopeError, match=r"other\.pt"):
        checkpoint.load(path)


def test_absent_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ShapescopeError, match="does not exist"):
        checkpoint.load(tmp_path / "none.pt")
    with pytest.raises(ShapescopeError, match="is no file"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("wrapped", ["", "state_dict", "model_state_dict"])
def test_bare_weights_are_recognised(tmp_path: Path, wrapped: str) -> None:
    path = tmp_path / "best_model.pth"
    weights = MyLeNet5().state_dict()
    torch.save({wrapped: weights} if wrapped else OrderedDict(weights), path)
    found = checkpoint.load(path)
    assert recognised(found["weights"], str(path)).spec == "lenet5-tanh"


def test_weights_of_no_known_network_are_not_guessed() -> None:
    with pytest.raises(ShapescopeError, match="holds weights of none of the networks"):
        recognised({"w": torch.zeros(1)}, "x.pt")


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ShapescopeError) as caught:
        checkpoint.apply_weights(CNN(), Network().state_dict(), "run/best.pt")
    assert str(caught.value) == (
        "run/best.pt is of another network: it has no conv1.0.weight, conv1.0.bias, "
        "conv2.0.weight and 1 more; it has conv1.weight, conv1.bias, conv2.weight and 5 more, "
        "which CNN has not"
    )


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapescopeError, match=r"fc2\.weight is 7 x 84, LeNet5 has 10 x 84"):
        checkpoint.apply_weights(LeNet5(), LeNet5(7).state_dict(), "x.pt")


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"weights": {"w": torch.ones(3)}, "epoch": 1})
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ShapescopeError) as caught:
        checkpoint.save(path, {"weights": {"w": torch.zeros(3)}, "epoch": 2})
    assert str(caught.value) == (
        f"{path} cannot be written: No space left on device; the checkpoint that was there before "
        "is intact"
    )
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_a_really_full_disk(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    link = tmp_path / f".last.pt.{os.getpid()}.part"
    link.symlink_to(full)
    with pytest.raises(ShapescopeError, match="No space left on device"):
        checkpoint.save(tmp_path / "last.pt", {"weights": {"w": torch.zeros(9)}})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ShapescopeError, match=r"cannot be written: No such file or directory$"):
        checkpoint.save(tmp_path / "gone" / "last.pt", {"weights": {}})


def test_half_written_files_are_removed_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "config.json", b"{}")
    (tmp_path / ".last.pt.123.part").write_bytes(b"half")
    (tmp_path / ".keep").write_bytes(b"")
    remove_parts(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".keep", "config.json"]


def test_generators_go_on_where_they_were() -> None:
    import random

    device = torch.device("cpu")
    state = checkpoint.rng_state(device)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    first = (torch.rand(3).tolist(), random.random())
    buffer.seek(0)
    checkpoint.restore_rng(torch.load(buffer, weights_only=True), device)
    assert (torch.rand(3).tolist(), random.random()) == first


def test_checkpoints_are_ordinary_torch_files(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    checkpoint.save(path, {"weights": Network().state_dict()})
    assert zipfile.is_zipfile(path)
    Network().load_state_dict(torch.load(path, weights_only=True)["weights"])


@pytest.mark.parametrize("content", [b"hi", b"", b"\x89PNG\r\n", b"some text"])
def test_a_file_of_another_kind_is_not_said_to_run_code(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(ShapescopeError) as caught:
        checkpoint.load(path)
    assert str(caught.value) == (
        f"{path} is damaged or no checkpoint: it does not begin as files of torch.save do"
    )
