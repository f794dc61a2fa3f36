from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.capture.sizes.numbers import AxisSize
from shapescope.cli.app import run
from shapescope.render.sizes_json import sizes_to_dict
from shapescope.sizing import valid_sizes
from shapescope.valid_sizes import ValidSizes

MODELS = Path(__file__).parent / "models"


def _answer(file: str, model: str, *inputs: str) -> ValidSizes:
    loaded = load(f"{MODELS / file}:{model}")
    return valid_sizes(loaded, parse_inputs(inputs))


ANY = [[1, None, 1]]

CASES = [
    ("maps.py", "UNet", "1,3,64,64", {"H": [[16, None, 16]], "W": [[16, None, 16]]}, []),
    (
        "maps.py",
        "FixedPoolResNet",
        "1,3,256,256",
        {"H": [[193, 224, 1]], "W": [[193, 224, 1]]},
        None,
    ),
    ("maps.py", "LayerNormed", "1,3,64,64", {"H": [[31, 32, 1]], "W": [[47, 48, 1]]}, []),
    ("maps.py", "SquareAttention", "1,1,16,20", {}, ["H == W"]),
    ("maps.py", "Spectrogram", "1,1,80,100", None, []),
    ("maps.py", "AnySize", "1,3,9,9", {}, []),
    ("others.py", "Tokens", "1,100:int64", {"T": [[1, 48, 1]]}, []),
    ("others.py", "Sequence1d", "1,4,200", None, []),
    ("others.py", "Positional", "1,100,8", {"T": [[1, 70, 1]]}, []),
]


@pytest.mark.parametrize(("file", "model", "shape", "ranges", "where"), CASES)
def test_limits(
    file: str, model: str, shape: str, ranges: dict[str, object] | None, where: list[str] | None
) -> None:
    found = sizes_to_dict(_answer(file, model, shape))
    assert found["searched_to"] is None
    (part,) = found["valid"]
    if ranges is not None and where is not None:
        assert part.get("ranges", {}) == ranges
    if where is not None:
        assert part.get("where", []) == where
    limited = {*part.get("ranges", {}), *(["H", "W"] if where == ["H == W"] else [])}
    assert {axis for reason in found["reasons"] for axis in reason["axes"]} >= limited


def test_a_product_and_the_size_it_was_made_for() -> None:
    found = _answer("maps.py", "Captcha", "4,3,160,280")
    assert not found.as_asked_fits
    assert found.built_for == {"H": 36, "W": 120}
    assert [c.text for c in found.valid[0].where] == ["(H//4 - 3)*(W//4 - 3) == 162"]


def test_nothing_fits_a_model_with_wrong_channels() -> None:
    found = _answer("maps.py", "NeverFits", "1,3,64,64")
    assert found.valid == ()
    assert found.diagnostics


def test_no_axis_is_free_in_front_of_a_linear() -> None:
    found = sizes_to_dict(_answer("others.py", "Mlp", "1,784"))
    assert (found["axes"], found["valid"]) == ([], [{}])


def test_rows_folded_into_the_batch_do_not_fit() -> None:
    found = _answer("maps.py", "FoldsBatch", "1,1,16,16")
    for part in found.valid:
        for condition in part.where:
            assert condition.evaluate({"H": 4, "W": 4})
            assert not condition.evaluate({"H": 8, "W": 8})


def test_two_inputs_are_coupled() -> None:
    found = sizes_to_dict(_answer("others.py", "SuperResolution", "1,3,16,16", "1,1,32,32"))
    assert [axis["name"] for axis in found["axes"]] == ["H", "W", "H1", "W1"]
    assert found["ranges_if_square"] is not None or found["valid"]
    truth = {
        (4, 4, 16, 16): True,
        (4, 4, 16, 17): False,
        (5, 7, 20, 28): True,
        (3, 3, 1, 1): True,
    }
    for sizes, fits in truth.items():
        named = dict(zip(("H", "W", "H1", "W1"), sizes, strict=True))
        said = any(
            all(eval(text, {}, named) for text in part.get("where", []))  # noqa: S307
            and all(
                any(a <= named[axis] and (b is None or named[axis] <= b) for a, b, _ in ranges)
                for axis, ranges in part.get("ranges", {}).items()
            )
            for part in found["valid"]
        )
        assert said == fits, sizes


def test_the_users_model_and_ints_stay_as_they_were() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, 2))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = valid_sizes(model, ((torch.randn(1, 3, 40, 40),), {}))
    assert found.built_for == {"H": 32, "W": 32}
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert not isinstance(model[2].in_features, AxisSize)


def test_the_command_prints_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sizes", f"{MODELS / 'maps.py'}:PoolShortcut", "-i", "1,3,33,33"]) == 0
    text = capsys.readouterr().out
    assert "H and W 3; 2, 4, 6, ... (multiples of 2)" in text
    assert "proven for every size" in text


def test_json_follows_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sizes", "lenet5", "--input", "1,1,28,28", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "shapescope.sizes/1"
    assert found["as_asked"] == {"fits": False, "sizes": {"H": 28, "W": 28}}
    assert found["built_for"] == {"H": 32, "W": 32}
    assert found["ranges_if_square"] == [[32, 35, 1]]
    assert found["gives"][0] == {"sizes": {"H": 32, "W": 32}, "outputs": [[1, 10]]}


def test_no_size_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sizes", f"{MODELS / 'maps.py'}:NeverFits", "-i", "1,3,64,64"]) == 1
    assert "no size" in capsys.readouterr().out


def test_a_symbolic_trace_has_formulas() -> None:
    from shapescope.capture.tracer import trace_model

    traced = trace_model(load("lenet5"), parse_inputs(["1,1,32,32"]), mode="symbolic")
    shapes = [step.outputs[0].shape for step in traced.trace.steps if step.op == "reshape"]
    assert shapes == [("N", "16*(H//4 - 3)*(W//4 - 3)")]
    assert any("(H//4 - 3)*(W//4 - 3) == 25" in note for note in traced.notes)


def test_an_unknown_symbol_is_a_wrong_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "lenet5", "--symbolic", "Q"]) == 2
    assert "there is no axis `Q`" in capsys.readouterr().err


def test_solve_lists_common_windows_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["solve", "--in", "28", "--out", "14", "--limit", "1"]) == 0
    assert capsys.readouterr().out == "conv k3 s2 p1               (28 - 3 + 2*1)//2 + 1 = 14\n"
    assert run(["solve", "224 -> 7 in 5 stages", "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith("224 -> 112 -> 56 -> 28 -> 14 -> 7\n")
    assert run(["solve", "from here to there"]) == 2


def test_a_forward_that_goes_by_the_batch_is_not_said_to_hold_for_every_batch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["sizes", f"{MODELS / 'more.py'}:EveryBatch", "--input", "1,3,64,64"]) == 0
    assert "proven for every size and batches of 2 and 3" in capsys.readouterr().out
    assert run(["sizes", f"{MODELS / 'more.py'}:Haar", "--input", "1,3,64,64"]) == 0
    assert "proven for every size and every batch of 2 or more" in capsys.readouterr().out


def test_inputs_that_have_to_be_alike_are_found() -> None:
    found = sizes_to_dict(_answer("more.py", "Siamese", "1,1,48,48", "1,1,48,48"))
    (part,) = found["valid"]
    assert found["searched_to"] is None
    assert {"H == H1", "W == W1"} < set(part["where"])
    assert found["ranges_if_square"] == [[23, 26, 1]]


def test_what_torch_says_of_a_step_is_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x, edges):\n"
        "        near = torch.sparse_coo_tensor(edges, torch.ones(edges.size(1)), (9, 9))\n"
        "        return torch.sparse.mm(near, x)\n"
    )
    run(["sizes", f"{file}:Net", "--input", "9,4", "--input", "2,5:int64<9"])
    told = " ".join(capsys.readouterr().out.split())
    reason = told.partition("`sparse_mm` fails for a reason no rule knows: ")[2]
    assert reason.startswith("Could not run")
    assert reason.index("...") < 130


class ReadsAFlag(nn.Module):
    """Pools the map, after a look at a value that only real tensors have."""

    ready: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ready", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.ready.item() == 0:
            self.ready.fill_(1)
        n, c, h, w = x.shape
        return x.view(n, c, h // 8, 8, w // 8, 8).amax((3, 5))


def test_what_only_real_tensors_can_run_fits() -> None:
    found = valid_sizes(ReadsAFlag(), parse_inputs(["2,3,16,16"]))
    assert found.mode == "real"
    answer = sizes_to_dict(found)
    assert answer["valid"][0]["ranges"]["H"][0][0::2] == [8, 8]
    assert answer["built_for"] is None


class Spectral(nn.Module):
    """Takes the spectrum of a signal, reflected at both ends."""

    def forward(self, wav: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(256)
        return torch.stft(wav, 256, 64, window=window, return_complex=True).abs().mean(2)


def test_a_spectrum_needs_more_than_it_reflects() -> None:
    answer = sizes_to_dict(valid_sizes(Spectral(), parse_inputs(["2,4000"])))
    (part,) = answer["valid"]
    (ranges,) = part["ranges"].values()
    assert ranges[0][:2] == [129, None]
    assert answer["reasons"][0]["text"] == "the window of `stft` has to fit on its signal"


class Pairs(nn.Module):
    """Takes the values of a row two by two."""

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return row.reshape(row.shape[0], -1, 2)


class Beside(nn.Module):
    """Joins a row with its every second value, which has to be as long."""

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return torch.hstack([row.unsqueeze(1), row[:, ::2].unsqueeze(1)])


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Pairs(), "`reshape` has to come out even"),
        (Beside(), "`hstack` joins maps that have to be equal"),
    ],
)
def test_an_op_says_in_its_own_words_what_it_asks(model: nn.Module, text: str) -> None:
    answer = sizes_to_dict(valid_sizes(model, parse_inputs(["2,8"])))
    assert [reason["text"] for reason in answer["reasons"]] == [text]
