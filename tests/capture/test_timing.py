"""Measured times: of the steps of the trace, in seconds, and of nothing else."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shapescope.capture.further.timing import time_steps
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError
from shapescope.render.line import plain_text
from shapescope.render.rows import RowOptions
from shapescope.render.shapes import time_text
from shapescope.render.table import TableOptions, result_lines
from shapescope.session import Request, run_trace, trace_any

INPUTS: Any = ((torch.ones(2, 4),), {})


class Slow(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        time.sleep(0.02)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.last = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.01)
        result: Tensor = Slow.apply(self.last(self.first(x)))
        return result


def test_the_slow_step_is_found_and_what_is_between_steps_is_not_theirs() -> None:
    model = Net().eval()
    trace = trace_model(model, INPUTS).trace
    times = time_steps(model, INPUTS, trace)
    assert [step.op for step in trace.steps] == ["module", "linear", "relu", "slow"]
    assert times.steps[0] is None
    seconds = [one for one in times.steps if one is not None]
    assert seconds[2] >= 0.02
    assert max(seconds[:2]) < 0.01
    assert times.forward >= 0.03
    assert 1 <= times.runs <= 5


def test_the_model_and_its_input_stay_as_they_were() -> None:
    model = Net()
    x = torch.randn(2, 4)
    before = x.clone(), {name: value.clone() for name, value in model.state_dict().items()}
    time_steps(model, ((x,), {}), trace_model(model, ((x,), {})).trace)
    assert torch.equal(x, before[0])
    assert all(torch.equal(value, before[1][name]) for name, value in model.state_dict().items())
    assert model.training


def test_a_run_of_other_steps_is_refused() -> None:
    trace = trace_model(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), INPUTS).trace
    with pytest.raises(ShapescopeError, match="takes other steps than its trace"):
        time_steps(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), INPUTS, trace)


def test_table_json_and_totals_show_them() -> None:
    result = trace_any(Net().eval(), INPUTS, time=True)
    text = plain_text(result_lines(result, options=TableOptions(RowOptions(all_steps=True))))
    assert result.times is not None
    slow = result.times.steps[3]
    assert slow is not None
    assert time_text(slow) in text
    assert "a forward pass" in text
    assert "most of the time: forward slow" in text
    data = json.loads(result.to_json())
    assert data["steps"][3]["seconds"] == slow
    assert data["totals"]["seconds"] == result.times.forward
    assert result.to_csv().splitlines()[0].endswith(",seconds")


def test_without_asking_nothing_is_timed() -> None:
    result = trace_any(Net().eval(), INPUTS)
    assert result.times is None
    assert "seconds" not in json.loads(result.to_json())["steps"][1]


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"mode": "symbolic"}, "--symbolic"),
        ({"target": "1:int64", "loss": "cross_entropy"}, "--loss"),
    ],
)
def test_only_a_forward_pass_is_timed(fields: dict[str, str], option: str) -> None:
    with pytest.raises(ShapescopeError, match=option):
        run_trace(Request("lenet5", time=True, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.5e-7, "0.25 us"), (4.12e-4, "412 us"), (3.52e-3, "3.52 ms"), (0.0352, "35.2 ms"),
        (1.2, "1.20 s"), (61.0, "61.0 s"),
    ],
)  # fmt: skip
def test_durations_have_three_digits(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


class Catching(nn.Module):
    """Its forward catches an error, so that the steps behind it are numbered anew."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        try:
            return x.view(-1, 7)
        except RuntimeError:
            result: Tensor = Slow.apply(self.fc(x))
            return torch.relu(result)


def test_times_and_values_are_those_of_their_steps_behind_a_caught_error() -> None:
    model = Catching().eval()
    traced = trace_model(model, INPUTS, values=True)
    assert [step.op for step in traced.trace.steps] == ["module", "linear", "slow", "relu"]
    times = time_steps(model, INPUTS, traced.trace)
    linear, slow, relu = times.steps[1:]
    assert linear is not None
    assert slow is not None
    assert relu is not None
    assert slow >= 0.02 > max(linear, relu)
    assert min(linear, relu) > 0
    outputs = torch.nn.functional.linear(INPUTS[0][0], model.fc.weight, model.fc.bias)
    values = traced.values[1:]
    assert [value is not None for value in values] == [True, True, True]
    assert values[0] is not None
    assert values[0].maximum == pytest.approx(outputs.max().item())
    assert values[2] is not None
    assert values[2].minimum >= 0
