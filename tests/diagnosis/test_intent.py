"""What an author writes of the first axis is looked for in the innermost class."""

from __future__ import annotations

from pathlib import Path

import shapescope
from shapescope.analysis.diagnosis.intent import FirstAxis, first_axis

NESTED = """
import torch
from torch import nn


class Net(nn.Module):
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(4, 4)

        def forward(self, x):  # (seq, batch, 4)
            return self.rnn(x)[0]

    def __init__(self):
        super().__init__()
        self.cell = self.Cell()

    def forward(self, x):  # (batch, seq, 4)
        return self.cell(x.transpose(0, 1)).transpose(0, 1)


class Other:
    class Cell:
        pass
"""


def test_a_nested_class_speaks_for_itself_also_beside_a_namesake(in_folder: Path) -> None:
    Path("net.py").write_text(NESTED)
    trace = shapescope.trace("net.py:Net", input_size=(2, 5, 4)).trace
    (gru,) = (step for step in trace.steps if step.op == "gru")
    assert first_axis(gru) == FirstAxis.TIME
    turned = next(step for step in trace.steps if step.op == "transpose")
    assert first_axis(turned) == FirstAxis.UNKNOWN  # its class holds both
