"""The first help is the likeliest one, and the judge of the cases takes no other for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import shapescope
from shapescope.diagnostic import Diagnostic
from shapescope.session import Request, run_trace
from tests.diagnosis.test_diagnosis_cases import benchmark

TEXT = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        INIT

    def forward(self, x):
        FORWARD
"""


def first(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    init: str,
    forward: str,
    given: str,
    target: str = "",
) -> Diagnostic:
    """The first diagnostic of a model."""
    monkeypatch.chdir(folder)
    pad = "\n" + " " * 8
    text = TEXT.replace("INIT", init.replace("\n", pad)).replace(
        "FORWARD", forward.replace("\n", pad)
    )
    Path("net.py").write_text(text)
    return _told("net.py:Net", given, target)[0]


def _told(spec: str, given: str, target: str) -> tuple[Diagnostic, ...]:
    request = Request(spec, (given,), target=target, loss="cross_entropy" if target else "")
    return run_trace(request).diagnostics


def test_a_swap_that_needs_another_edit_stands_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = "self.a = nn.Linear(9, 30)\nself.b = nn.Linear(70, 30)\nself.c = nn.Linear(30, 4)"
    found = first(tmp_path, monkeypatch, init, "return self.c(self.b(self.a(x)))", "2,9")
    assert found.help[0].message.startswith("nn.Linear(30, 30)")
    assert found.help[1].message.startswith("swap its two numbers; then")


def test_a_swap_that_is_enough_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init = (
        "self.a = nn.Conv2d(3, 12, 3)\nself.b = nn.Conv2d(20, 12, 3)\nself.c = nn.Conv2d(20, 5, 1)"
    )
    found = first(tmp_path, monkeypatch, init, "return self.c(self.b(self.a(x)))", "2,3,9,9")
    assert found.help[0].message.startswith("swap its two numbers (")
    assert found.help[0].edits[0].replacement == "12"


def test_frames_are_folded_once_where_the_code_behind_expects_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = first(
        tmp_path,
        monkeypatch,
        "self.conv = nn.Conv2d(3, 6, 3)",
        "b, t = x.shape[:2]\ny = self.conv(x)\nreturn y.mean((2, 3)).view(b, t, -1).mean(1)",
        "2,5,3,12,12",
    )
    assert [entry.edits[0].replacement for entry in found.help] == ["x.flatten(0, 1)"]


def test_rows_cut_across_axes_are_told_though_the_targets_are_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = "self.conv = nn.Conv2d(4, 32, 4)\nself.fc = nn.Linear(288, 6)"
    found = first(
        tmp_path,
        monkeypatch,
        init,
        "return self.fc(self.conv(x).view(-1, 288))",
        "8,4,12,12",
        "72:int64<6",
    )
    assert found.rule == "batch-folded"
    assert found.help[0].verified
    assert {edit.replacement for edit in found.help[0].edits} == {"flatten(1", "32 * 9 * 9"}


def test_rows_that_are_places_have_targets_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forward = "return self.conv(x).permute(0, 2, 3, 1).reshape(-1, 5)"
    Path("net.py").write_text(
        TEXT.replace("INIT", "self.conv = nn.Conv2d(3, 5, 1)").replace("FORWARD", forward)
    )
    assert not _told("net.py:Net", "2,3,6,6", "72:int64<5")


def test_maps_of_one_size_are_resized_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = TEXT.replace("(self, x)", "(self, x, y)").replace("INIT", "self.fc = nn.Linear(64, 3)")
    Path("net.py").write_text(
        text.replace("FORWARD", "x = F.max_pool2d(x + y, 2)\n        return self.fc(x.flatten(1))")
    )
    sizes = ("2,1,24,24", "2,1,24,24")
    helps = run_trace(Request("net.py:Net", sizes)).diagnostics[0].help
    (resize,) = [entry for entry in helps if entry.message.startswith("resize")]
    assert "for one in (x, y))" in resize.edits[0].replacement


class Two(nn.Module):
    """A sum of two inputs."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum."""
        return x + y


def test_a_live_model_is_told_of_its_missing_input_in_python() -> None:
    entry = shapescope.trace(Two(), input_size=(2, 8)).diagnostics[0].help[0]
    assert entry.message == "give each input its shape: input_size=[(2, 8), Y_SHAPE]"


def test_a_live_model_is_fed_a_larger_batch_in_python() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    entry = shapescope.trace(net, input_size=(1, 4), mode="train").diagnostics[0].help[0]
    assert entry.message == 'feed a batch of 2 or more: input_size=(2, 4), mode="train"'


def test_lazy_layers_have_a_twin() -> None:
    net = nn.Sequential(nn.LazyConv2d(6, 3), nn.Flatten(), nn.Linear(20, 4), nn.LazyLinear(2))
    found = shapescope.trace(net, input_data=torch.zeros(2, 1, 8, 8)).diagnostics[0]
    assert found.why[0].endswith("[1] 6 * 6 * 6 = 216")
    assert found.help[0].edits[0].replacement == "6 * 6 * 6"


class Gate(nn.Module):
    """Weights over the samples, where those over the steps were meant."""

    def forward(self, x: Tensor) -> Tensor:
        """The weighted sum."""
        return (torch.softmax(x.mean(2, keepdim=True), dim=0) * x).sum(1)


def test_samples_that_meet_are_seen_on_the_user_s_own_tensors() -> None:
    found = shapescope.trace(Gate(), input_data=torch.rand(4, 5, 6)).diagnostics[0]
    assert (found.rule, found.severity) == ("batch-read-across", "warning")
    assert found.help[0].edits[0].replacement == "1"


def test_a_document_network_is_fed_what_it_is_made_for() -> None:
    for sizes in ("4,4", "1,1,1,32,32"):
        entry = run_trace(Request("lenet5", (sizes,))).diagnostics[0].help[0]
        assert entry.message == "feed what it is made for: --input 1,1,32,32"
        assert entry.inputs == ("1,1,32,32",)


def test_a_mend_that_only_runs_is_none_where_the_case_names_others() -> None:
    module = benchmark()
    folder = Path(__file__).parent / "cases"
    (case,) = module.read_cases(folder, ["vae_decoder_view_of_another_map"])
    text = (case.folder / "model.py").read_text()
    assert module.is_right_edit(case, text.replace("64, 8, 8", "64,7,7"))
    assert not module.is_right_edit(case, text.replace("z, 64 * 7 * 7)", "z, 64 * 8 * 8)"))
    assert not module.is_right_input(case, [[8, 1, 32, 32]])


SCRIPT = """\
import torch
import torch.nn as nn

model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 9 * 9, 4))
scores = model(torch.randn(5, 3, 12, 12))
scores.sum().backward()
"""


def test_a_script_without_a_class_is_diagnosed_where_its_model_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    found = run_trace(Request("train.py")).diagnostics[0]
    assert found.message == "`3` takes 648 features, but 800 arrive"
    assert found.help[0].edits[0].replacement == "8 * 10 * 10"
