"""Products of grouped matrices on meta are those of the CPU, which takes float32 and any size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from shapescope.analysis.check import check_trace
from shapescope.analysis.cost import totals
from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.tracer import trace_model

GROUPED = getattr(torch, "_grouped_mm", None)
pytestmark = pytest.mark.skipif(GROUPED is None, reason="this torch has no grouped products")


class Grouped(nn.Module):
    """One product of a weight per group, by the ranks of both sides."""

    def __init__(self, left: tuple[int, ...], right: tuple[int, ...], ends: list[int]) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.zeros(left))
        self.right = nn.Parameter(torch.zeros(right))
        self.ends = ends

    def forward(self, x: Tensor) -> Tensor:
        offs = torch.tensor(self.ends, dtype=torch.int32) if self.ends else None
        made: Tensor = torch._grouped_mm(self.left * x, self.right, offs=offs)
        return made


@pytest.mark.parametrize(
    ("left", "right", "ends", "macs"),
    [
        ((7, 12), (3, 12, 20), [2, 5, 7], 7 * 12 * 20),
        ((3, 7, 12), (12, 20), [4, 8, 20], 7 * 12 * 20),
        ((7, 12), (12, 20), [4, 8, 12], 7 * 12 * 20),
        ((3, 7, 12), (3, 12, 20), [], 3 * 7 * 12 * 20),
    ],
)
def test_shapes_are_those_of_the_cpu(
    left: tuple[int, ...], right: tuple[int, ...], ends: list[int], macs: int
) -> None:
    model = Grouped(left, right, ends)
    expected = tuple(model(torch.ones(1)).shape)
    trace = trace_model(model, parse_inputs(["1"])).trace
    assert trace.mode == "meta"
    assert [spec.shape for spec in trace.outputs] == [expected]
    (check,) = [
        check
        for step, check in zip(trace.steps, check_trace(trace), strict=True)
        if step.op == "grouped_mm"
    ]
    assert (check.status, check.expected) == ("match", expected)
    assert totals(trace).macs == macs


@pytest.mark.parametrize(
    ("left", "right", "ends"),
    [((7, 12), (3, 11, 20), [2, 5, 7]), ((7, 12), (3, 12, 20), [2, 7])],
)
def test_what_does_not_fit_is_refused_as_on_the_cpu(
    left: tuple[int, ...], right: tuple[int, ...], ends: list[int]
) -> None:
    model = Grouped(left, right, ends)
    with pytest.raises(RuntimeError):
        model(torch.ones(1))
    trace = trace_model(model, parse_inputs(["1"])).trace
    assert trace.failure is not None
    assert trace.steps[trace.failure.step or 0].op == "grouped_mm"
