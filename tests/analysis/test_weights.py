"""The words for the axes, on real layers: every number in them is the axis's own."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from shapescope.analysis.weights import axis_meaning
from shapescope.api import params
from shapescope.render.params import meaning


def words(module: nn.Module) -> dict[str, str]:
    """For each parameter its meaning."""
    return {entry.spec.name: meaning(entry) for entry in params(module).parameters}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            nn.Conv2d(1, 6, 5),
            {
                "weight": "6 kernels x 1 input channel x 5 x 5 (height x width)",
                "bias": "one for each of 6 output channels",
            },
        ),
        (
            nn.Conv1d(8, 4, 3, groups=2, bias=False),
            {
                "weight": "4 kernels x 4 input channels (each kernel sees one of 2 groups)"
                " x 3 (length)"
            },
        ),
        (
            nn.Conv3d(2, 3, (1, 2, 3), bias=False),
            {"weight": "3 kernels x 2 input channels x 1 x 2 x 3 (depth x height x width)"},
        ),
        (
            nn.ConvTranspose2d(4, 6, 2, groups=2, bias=False),
            {
                "weight": "4 input channels x 3 output channels of each of 2 groups"
                " x 2 x 2 (height x width)"
            },
        ),
        (
            nn.Linear(192, 120),
            {
                "weight": "120 out_features x 192 in_features",
                "bias": "one for each of 120 out_features",
            },
        ),
        (
            nn.BatchNorm2d(6),
            {
                "weight": "one scale for each of 6 channels",
                "bias": "one shift for each of 6 channels",
            },
        ),
        (
            nn.LayerNorm((4, 8)),
            {
                "weight": "one scale for each of 4 x 8 normalised values",
                "bias": "one shift for each of 4 x 8 normalised values",
            },
        ),
        (nn.Embedding(100, 8), {"weight": "100 entries x 8 values each"}),
        (
            nn.LSTM(10, 20, batch_first=True, bias=False),
            {
                "weight_ih_l0": "80 = 4 x 20 (input, forget, cell and output gate x hidden)"
                " x 10 input",
                "weight_hh_l0": "80 = 4 x 20 (input, forget, cell and output gate x hidden)"
                " x 20 hidden",
            },
        ),
        (
            nn.RNN(10, 20, bias=False),
            {"weight_ih_l0": "20 hidden x 10 input", "weight_hh_l0": "20 hidden x 20 hidden"},
        ),
        (
            nn.MultiheadAttention(8, 2, bias=False),
            {
                "in_proj_weight": "24 = 3 x 8 (query, key and value x embed_dim) x 8 embed_dim",
                "out_proj.weight": "8 out_features x 8 in_features",
            },
        ),
    ],
)
def test_words(module: nn.Module, expected: dict[str, str]) -> None:
    assert words(module) == expected


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(3, 8, (3, 5), groups=1),
        nn.ConvTranspose1d(3, 8, 4),
        nn.LSTM(5, 7, num_layers=2, bidirectional=True, proj_size=3),
        nn.GRU(5, 7),
        nn.LSTMCell(5, 7),
        nn.GRUCell(5, 7),
        nn.MultiheadAttention(8, 2, kdim=5, vdim=6, add_bias_kv=True),
        nn.GroupNorm(2, 8),
        nn.Bilinear(3, 4, 5),
        nn.EmbeddingBag(10, 4),
    ],
)
def test_every_axis_is_in_the_words(module: nn.Module) -> None:
    for entry in params(module).parameters:
        text = meaning(entry)
        if text and entry.spec.shape:
            numbers = {int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", text)}
            assert set(entry.spec.shape) <= numbers, (entry.spec.name, text)


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert axis_meaning("weight", (3, 4), "", None) == ""
    own = nn.Module()
    own.scale = nn.Parameter(torch.ones(3))
    assert words(own) == {"scale": ""}
