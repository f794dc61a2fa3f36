"""Nested tensors inside a forward: ragged axes have names, and nothing is counted by them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shapescope import trace


class Ragged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 8)
        self.last = nn.Linear(8, 2)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        rows = torch.nested.nested_tensor([a, b])
        padded = torch.nested.to_padded_tensor(self.first(rows), 0.0)
        result: Tensor = self.last(padded).mean(1)
        return result


def test_a_ragged_axis_has_a_name_and_no_figures() -> None:
    result = trace(Ragged(), input_data=[torch.rand(3, 5), torch.rand(6, 5)])
    steps = {step.path or step.op: step for step in result.trace.leaves}
    assert result.trace.failure is None
    assert steps["first"].outputs[0].shape == (2, "j1", 8)
    assert steps["nested_to_padded_tensor"].outputs[0].shape == (2, 6, 8)
    assert result.trace.outputs[0].shape == (2, 2)
    assert result.totals.params == 5 * 8 + 8 + 8 * 2 + 2
    assert result.totals.macs == 2 * 6 * 8 * 2
    assert result.totals.not_counted == ("linear",)
    assert all(check.status in ("match", "not_applicable") for check in result.checks)
    assert "2 x j1 x 8" in str(result)
