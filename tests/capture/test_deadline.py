"""An end in time: told inside, once it is over, and nobody else."""

from __future__ import annotations

import subprocess
import sys
import threading
from time import perf_counter, sleep

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.capture import deadline
from shapescope.capture.deadline import EndsAfter, OutOfTimeError
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.open_axes import symbolic
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError


def works_for(seconds: float) -> int:
    turns, end = 0, perf_counter() + seconds
    while perf_counter() < end:
        turns += 1
    return turns


def test_what_takes_longer_is_ended() -> None:
    start = perf_counter()
    with pytest.raises(OutOfTimeError), EndsAfter(0.2):
        works_for(20)
    assert perf_counter() - start < 10


def test_what_catches_the_error_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = 0

    def goes_on() -> None:
        nonlocal caught
        while caught < 2:
            try:
                works_for(20)
            except OutOfTimeError:
                caught += 1

    monkeypatch.setattr(deadline, "_AGAIN", 0.5)
    with EndsAfter(0.1):
        goes_on()
    assert caught == 2


def test_time_without_the_processor_does_not_count() -> None:
    turns = 0
    with EndsAfter(0.2):
        sleep(0.6)
        turns = works_for(0.01)
    assert turns


def test_nothing_is_told_afterwards() -> None:
    before = threading.active_count()
    with EndsAfter(0.3):
        pass
    assert works_for(0.6)
    assert threading.active_count() == before


def test_functions_can_be_traced_afterwards() -> None:
    # in a process of its own, as a failure would be a loop in C that nothing ends
    program = (
        "import sys\n"
        "from shapescope.capture.deadline import EndsAfter\n"
        "with EndsAfter(5):\n    pass\n"
        "sys.settrace(lambda *_: None)\n"
        "(lambda: 1)()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


class Grows(nn.Module):
    """Each step pads by a remainder of the square of a size: formulas that never get short."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(12):
            width = x.shape[-1]
            x = self.conv(F.pad(x, (0, width * width % 11)))
        return x


def test_a_symbolic_trace_ends_in_the_middle_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "_MOST_SECONDS", 1.0)
    monkeypatch.setattr(symbolic, "_MOST_OPERATIONS", 10**9)  # else the first to be reached ends it
    start = perf_counter()
    with pytest.raises(ShapescopeError, match="without an end"):
        trace_model(Grows(), (InputSpec((1, 3, 32, 32)),), mode="symbolic")
    assert perf_counter() - start < 30
