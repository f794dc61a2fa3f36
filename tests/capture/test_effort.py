"""How much a trace does for each layer, counted in calls: no clock is as steady."""

from __future__ import annotations

import subprocess
import sys

MOST = 365
"""Calls for a layer and all that is worked out of it, of Python's own functions as well."""

COUNT = """
import sys
import torch
from torch import nn
import shapescope
from shapescope.analysis.memory import memory


def everything(model):
    result = shapescope.trace(model, input_size=(1, 4, 8, 8))
    assert not result.failed
    result.checks, result.totals, result.receptive_fields, memory(result.trace)


def calls_of_a_warm_trace(blocks):
    layers = []
    for _ in range(blocks):
        layers += [nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 1, 1)]
    model = nn.Sequential(*layers).eval()
    everything(model)
    calls = 0

    def note(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(note)
    everything(model)
    sys.setprofile(None)
    return calls


with torch.device("meta"):
    few, many = calls_of_a_warm_trace(2), calls_of_a_warm_trace(12)
print((many - few) / 30)
"""


def test_a_further_layer_costs_few_calls() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < MOST
