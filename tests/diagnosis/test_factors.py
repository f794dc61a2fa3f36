"""A factor for each channel is no table of positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import shapescope


class Snake(nn.Module):
    """The activation of audio codecs: channels first, so a signal without them has too many."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(x.shape[0], x.shape[1], -1)
        return (rows + torch.sin(self.alpha * rows)).reshape(x.shape)


def test_a_factor_for_each_channel_holds_no_positions() -> None:
    model = nn.Sequential(nn.Conv1d(1, 64, 7, padding=3), Snake(64))
    found = shapescope.trace(model, (1, 16000)).diagnostics
    assert [one.rule for one in found if one.severity.value == "error"] == ["add-shape"]
