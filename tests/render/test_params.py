from __future__ import annotations

import csv
import io
import json

import pytest
import torch
from torch import nn

from shapescope.api import params
from shapescope.render.line import plain_text
from shapescope.render.params import params_lines, totals_line
from shapescope.render.theme import Surface
from shapescope.result import ParamsResult, bytes_of

NETWORK = [
    ("conv1.weight", "6 x 1 x 5 x 5", "6 kernels x 1 input channel x 5 x 5 (height x width)"),
    ("conv1.bias", "6", "one for each of 6 output channels"),
    ("conv2.weight", "12 x 6 x 5 x 5", "12 kernels x 6 input channels x 5 x 5 (height x width)"),
    ("conv2.bias", "12", "one for each of 12 output channels"),
    ("fc1.weight", "120 x 192", "120 out_features x 192 in_features"),
    ("fc1.bias", "120", "one for each of 120 out_features"),
    ("fc2.weight", "60 x 120", "60 out_features x 120 in_features"),
    ("fc2.bias", "60", "one for each of 60 out_features"),
    ("out.weight", "10 x 60", "10 out_features x 60 in_features"),
    ("out.bias", "10", "one for each of 10 out_features"),
]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 8)
        self.head = nn.Linear(8, 50, bias=False)
        self.head.weight = self.embed.weight
        self.scale = nn.Parameter(torch.full((3,), 2.0), requires_grad=False)


@pytest.fixture(scope="module")
def network() -> ParamsResult:
    return params("network")


def test_the_documents_ten_rows(network: ParamsResult) -> None:
    data = network.to_dict()
    assert [(row["name"], row["axes"]) for row in data["params"]] == [
        (name, axes) for name, _, axes in NETWORK
    ]
    lines = [line.plain for line in params_lines(network, Surface(width=200))]
    rows = [line for line in lines if line.split()[:1] and line.split()[0] in dict_names()]
    assert len(rows) == 10
    for row, (name, shape, axes) in zip(rows, NETWORK, strict=True):
        assert row.startswith(name)
        assert f" {shape} " in row
        assert row.endswith(axes)
    assert lines[-1] == "10 parameters, 32,998 values, all trainable, 128.9 KiB"


def dict_names() -> set[str]:
    return {name for name, _, _ in NETWORK}


def test_statistics_are_torchs(network: ParamsResult) -> None:
    model = nn.Linear(7, 3)
    found = params(model).to_dict()["params"][0]["statistics"]
    weight = model.weight.detach().double()
    assert found["mean"] == pytest.approx(weight.mean().item())
    assert found["std"] == pytest.approx(weight.std().item())
    assert found["min"] == weight.min().item()
    assert found["max"] == weight.max().item()


def test_narrow_terminals_put_the_axes_below(network: ParamsResult) -> None:
    lines = [line.plain for line in params_lines(network, Surface(width=80))]
    assert max(map(len, lines)) <= 80
    assert "    6 kernels x 1 input channel x 5 x 5 (height x width)" in lines


def test_what_has_no_room_is_named() -> None:
    inner: nn.Module = nn.Linear(3, 2)
    for _ in range(8):
        inner = nn.Sequential(inner)
    wrapped = nn.ModuleDict({"a_rather_long_name_for_a_module": inner})
    lines = [line.plain for line in params_lines(params(wrapped), Surface(width=80))]
    assert max(map(len, lines)) <= 80
    assert "no room for dtype, min, max, std: --format csv has them" in lines


def test_tied_and_frozen_ones() -> None:
    result = params(Tied())
    text = str(result)
    assert "head.weight = embed.weight" in text
    assert "scale (frozen)" in text
    assert (result.total, result.trainable) == (403, 400)
    assert totals_line(result).plain == (
        "2 parameters, 403 values, 3 of them frozen, 1 further name for tied ones, 1.6 KiB"
    )


def test_json_is_whole(network: ParamsResult) -> None:
    data = json.loads(network.to_json())
    assert data["schema"] == "shapescope.params/1"
    assert list(data["params"][0]) == [
        "name", "shape", "numel", "dtype", "trainable", "key", "module", "axes", "statistics",
    ]  # fmt: skip
    assert data["totals"] == {
        "params": 32_998,
        "trainable_params": 32_998,
        "param_bytes": 131_992,
    }


def test_markdown_and_csv(network: ParamsResult) -> None:
    table = [line for line in network.to_markdown().splitlines() if line.startswith("|")]
    assert len(table) == 12
    assert table[2].startswith("| conv1.weight | 6 x 1 x 5 x 5 | 150 | float32 |")
    rows = list(csv.DictReader(io.StringIO(network.to_csv())))
    assert [row["shape"] for row in rows[:3]] == ["6x1x5x5", "6", "12x6x5x5"]
    assert sum(int(row["numel"]) for row in rows) == 32_998


def test_without_values_there_are_no_statistics() -> None:
    with torch.device("meta"):
        result = params(nn.Linear(3, 2))
    assert result.to_dict()["params"][0]["statistics"] is None
    assert "mean" not in str(result)
    assert result.to_csv().splitlines()[1].count(",,,,") == 1


def test_a_model_without_parameters() -> None:
    result = params(nn.ReLU())
    assert plain_text(params_lines(result, Surface())).endswith(
        "0 parameters, 0 values, all trainable, 0 B\n"
    )


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8,
        torch.uint8, torch.bool, torch.complex64, torch.complex128, torch.float8_e4m3fn,
    ],
)  # fmt: skip
def test_bytes_of_a_value(dtype: torch.dtype) -> None:
    assert bytes_of(str(dtype).removeprefix("torch.")) == dtype.itemsize
