"""Files that hold a saved model, or only weights; and files that hold neither."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

import shapescope
from shapescope.analysis.check import check_trace
from shapescope.analysis.cost import totals
from shapescope.capture.inputs import InputSpec, make_inputs
from shapescope.capture.loader import load
from shapescope.capture.loading.file_weights import without_model
from shapescope.capture.loading.saved import read_weights
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError
from shapescope.networks.network import Network


class RunsCode:
    """Unpickling this writes a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("ran"),))


def refused(spec: str, exit_code: int = 2) -> str:
    with pytest.raises(ShapescopeError) as caught:
        load(spec).build()
    assert caught.value.exit_code == exit_code
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save(what: object, name: str, **kwargs: object) -> None:
    torch.save(what, name, **kwargs)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return Network().eval()


@pytest.mark.parametrize(
    ("name", "wrapped"),
    [
        ("plain.pt", lambda state: state),
        ("run/best.pth", lambda state: {"model": state, "epoch": 3}),
        ("lightning.ckpt", lambda state: {"state_dict": state, "hyper": {"lr": 0.1}}),
        ("imagenet.pth.tar", lambda state: {"epoch": 3, "arch": "net", "state_dict": state}),
        ("twice.bin", lambda state: {"model": {"state_dict": state}}),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_in_every_wrapping(
    in_folder: Path, model: nn.Module, name: str, wrapped: object, zipped: bool
) -> None:
    assert callable(wrapped)
    (in_folder / "run").mkdir()
    save(wrapped(model.state_dict()), name, _use_new_zipfile_serialization=zipped)
    loaded = load(name)
    assert loaded.weights is not None
    assert list(loaded.weights) == list(model.state_dict())
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.weights[key], value)
    assert refused(name) == (
        f"{name} holds weights, not a model: `shapescope params` shows them; "
        "name the model's class to trace it"
    )


def test_safetensors(in_folder: Path, model: nn.Module) -> None:
    from safetensors.torch import save_file

    save_file(model.state_dict(), "m.safetensors")
    weights = load("m.safetensors").weights
    assert weights is not None
    assert {key: value.shape for key, value in weights.items()} == {
        key: value.shape for key, value in model.state_dict().items()
    }
    (in_folder / "bad.safetensors").write_bytes(b"\xff" * 64)
    assert refused("bad.safetensors").startswith(
        "bad.safetensors is damaged, or no saved model or checkpoint ("
    )


def test_an_exported_program(in_folder: Path, model: nn.Module) -> None:
    program = torch.export.export(model, (torch.ones(2, 1, 28, 28),))
    torch.export.save(program, "m.pt2")
    loaded = load("m.pt2")
    assert loaded.default_inputs == (InputSpec((2, 1, 28, 28)),)
    assert loaded.class_name == "ExportedProgram"
    built = loaded.build("cpu")
    (args, kwargs) = make_inputs(loaded.default_inputs, built.module, device="cpu")
    assert torch.equal(built.module(*args, **kwargs), model(*args))
    assert loaded.build().module is not built.module
    assert not built.module.train().training


def test_the_kind_is_in_the_content_not_in_the_name(in_folder: Path, model: nn.Module) -> None:
    program = torch.export.export(model, (torch.ones(2, 1, 28, 28),))
    torch.export.save(program, "m.pt2")
    (in_folder / "m.pt2").rename("m.pt")
    assert load("m.pt").class_name == "ExportedProgram"


def test_an_export_of_more_than_tensors_has_no_input_of_its_own(in_folder: Path) -> None:
    class Pair(nn.Module):
        def forward(self, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
            return pair[0] + pair[1]

    pair = (torch.ones(2), torch.ones(2))
    torch.export.save(torch.export.export(Pair(), (pair,)), "m.pt2")
    assert load("m.pt2").default_inputs == ()


def test_torchscript(in_folder: Path, model: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(model), "m.pt")
    loaded = load("m.pt")
    assert loaded.class_name == "Network"
    x = torch.ones(1, 1, 28, 28)
    assert torch.equal(loaded.build("cpu").module(x), model(x))
    assert not loaded.build().module.training


def test_a_file_that_would_run_code_is_refused(in_folder: Path, model: nn.Module) -> None:
    advice = (
        "holds pickled objects, which could run code when loaded: refused; "
        "save model.state_dict() instead"
    )
    save(model, "whole.pt")
    assert refused("whole.pt") == f"whole.pt {advice}"
    save({"model": model.state_dict(), "hook": RunsCode()}, "evil.pt")
    assert refused("evil.pt") == f"evil.pt {advice}"
    (in_folder / "pickle.pth").write_bytes(pickle.dumps(RunsCode()))
    assert refused("pickle.pth") == f"pickle.pth {advice}"
    (in_folder / "pickle.pkl").write_bytes(pickle.dumps(RunsCode()))
    assert refused("pickle.pkl") == f"pickle.pkl {advice}"
    save(model, "old.pt", _use_new_zipfile_serialization=False)
    assert refused("old.pt") == f"old.pt {advice}"
    assert not (in_folder / "ran").exists()


def test_an_export_of_another_version_is_told_in_one_line(
    in_folder: Path, model: nn.Module, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.export.save(torch.export.export(model, (torch.ones(2, 1, 28, 28),)), "good.pt2")
    with zipfile.ZipFile("good.pt2") as good, zipfile.ZipFile("old.pt2", "w") as old:
        for name in good.namelist():
            content = b"-1" if name.endswith("/archive_version") else good.read(name)
            old.writestr(name, content)
    with zipfile.ZipFile("early.pt2", "w") as early:
        early.writestr("serialized_exported_program.json", "{}")
    for name in ("old.pt2", "early.pt2"):
        assert refused(name).startswith(f"{name} is damaged, or no saved model or checkpoint (")
    assert capfd.readouterr() == ("", "")


def test_an_exported_program_that_would_run_code_is_refused(
    in_folder: Path, model: nn.Module
) -> None:
    torch.export.save(torch.export.export(model, (torch.ones(2, 1, 28, 28),)), "good.pt2")
    save({"hook": RunsCode()}, "inner.pt")
    with zipfile.ZipFile("good.pt2") as good, zipfile.ZipFile("evil.pt2", "w") as evil:
        inputs = [name for name in good.namelist() if "/sample_inputs/" in name]
        assert inputs
        for name in good.namelist():
            content = Path("inner.pt").read_bytes() if name in inputs else good.read(name)
            evil.writestr(name, content)
    assert "holds pickled objects, which could run code when loaded" in refused("evil.pt2")
    assert not (in_folder / "ran").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.mark.parametrize("suffix", ["pt", "pth", "ckpt", "pt2", "bin", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"PK\x03\x04broken", b"\x80\x02."])
def test_what_is_no_checkpoint(in_folder: Path, suffix: str, content: bytes) -> None:
    (in_folder / f"bad.{suffix}").write_bytes(content)
    text = refused(f"bad.{suffix}")
    assert text.startswith(f"bad.{suffix} is damaged, or no saved model or checkpoint")
    assert text.endswith("; save it again")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_checkpoint(in_folder: Path, model: nn.Module, keep: float) -> None:
    save(model.state_dict(), "m.pt")
    data = (in_folder / "m.pt").read_bytes()
    (in_folder / "m.pt").write_bytes(data[: int(len(data) * keep)])
    assert refused("m.pt").startswith("m.pt is damaged, or no saved model or checkpoint")


def test_an_archive_of_something_else(in_folder: Path) -> None:
    with zipfile.ZipFile("m.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refused("m.pt").startswith("m.pt is damaged, or no saved model or checkpoint")


def test_a_checkpoint_without_weights(in_folder: Path) -> None:
    for what in ({"epoch": 3}, [1, 2], torch.ones(2)):
        save(what, "m.pt")
        assert refused("m.pt") == "m.pt holds no weights; save model.state_dict()"


def test_a_checkpoint_that_is_not_there(in_folder: Path) -> None:
    save({"a": torch.ones(2)}, "best.pt")
    assert refused("bets.pt") == "bets.pt does not exist; did you mean best.pt?"
    assert read_weights(Path("best.pt"))["a"].tolist() == [1.0, 1.0]


def test_models_side_by_side_keep_their_names(in_folder: Path) -> None:
    state = {"w": torch.ones(2)}
    optimizer = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []}
    save({"generator": state, "critic": {"w": torch.zeros(3)}, "optimizer": optimizer}, "gan.pt")
    assert {name: tuple(it.shape) for name, it in read_weights(Path("gan.pt")).items()} == {
        "generator.w": (2,),
        "critic.w": (3,),
    }


def test_the_weights_of_a_file_are_listed(in_folder: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 4), nn.Linear(4, 4))
    model[3].weight = model[2].weight
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    save({"model": state}, "m.pt")
    table = shapescope.params("m.pt")
    assert [entry.spec.name for entry in table.parameters] == [
        f"module.{name}" for name, _ in model.named_parameters(remove_duplicate=False)
    ]
    assert table.total == sum(parameter.numel() for parameter in model.parameters())
    assert table.parameters[0].moments is not None
    held = without_model(load("m.pt"))
    assert held is not None
    assert held[1] == ("9 values in buffers are left out",)
    assert without_model(load("lenet5")) is None


def test_a_loaded_script_keeps_what_is_trained(in_folder: Path, model: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(model), "m.pt")
        trace = trace_model(load("m.pt"), (InputSpec((1, 1, 28, 28)),)).trace
    assert totals(trace).trainable_params == totals(trace).params > 0


def test_an_exported_program_is_traced_as_people_call(in_folder: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(9, 6)
            self.head = nn.Linear(6, 9, bias=False)
            self.head.weight = self.table.weight
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, ids: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            y = self.table(ids)
            x = nn.functional.interpolate(self.conv(x), scale_factor=2.0, mode="bilinear")
            patches = nn.functional.unfold(x, 2, stride=2)
            loss = nn.functional.cross_entropy(self.head(y).flatten(0, 1), ids.flatten())
            return self.head(y[:, [0, 2], 1:].repeat(1, 1, 2)[..., :6]), patches, loss

    model = Net().eval()
    inputs = torch.randint(0, 9, (2, 5)), torch.rand(2, 3, 8, 8)
    torch.export.save(torch.export.export(model, inputs), "m.pt2")
    expected = trace_model(model, (inputs, {})).trace
    found = trace_model(load("m.pt2"), (inputs, {})).trace
    assert found.failure is None
    assert totals(found).macs == totals(expected).macs
    assert totals(found).params == totals(expected).params == 9 * 6 + 56
    assert totals(found).not_counted == ()
    assert {check.status for check in check_trace(found)} <= {"match", "not_applicable"}
    assert [spec.shape for spec in found.outputs] == [spec.shape for spec in expected.outputs]
    ops = {step.op for step in found.steps}
    assert {"embedding", "interpolate", "unfold", "cross_entropy", "getitem"} <= ops
