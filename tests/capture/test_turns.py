"""Traces in several threads: each takes its turn, and all that was changed is put back."""

from __future__ import annotations

import sys
import threading
import warnings
from typing import Any

import torch
from torch import nn

from shapescope.capture.loading.uncompiled import uncompiled
from shapescope.capture.recorder import Recorder
from shapescope.capture.tracer import trace_model
from shapescope.session import trace_any
from shapescope.turns import one_at_a_time

PROGRAM: Any = torch


def state() -> list[Any]:
    return [
        torch.autograd.Function.__dict__["apply"],
        nn.Module.__init__,
        dict(vars(PROGRAM._VF)),
        PROGRAM.compile,
        PROGRAM.jit.script,
        PROGRAM.jit.trace,
        sys.stdout,
        sys.stderr,
        sys.getrecursionlimit(),
        warnings.showwarning,
        torch.backends.mha.get_fastpath_enabled(),
    ]


def run_together(*jobs: Any) -> None:
    errors: list[BaseException] = []

    def guarded(job: Any) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - shown by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []


def test_two_threads_that_trace_leave_nothing_behind() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)).eval()
    inputs: Any = ((torch.ones(3, 4),), {})
    wanted = trace_model(model, inputs).trace
    found: list[Any] = []
    before = state()

    def trace() -> None:
        for turn in range(20):
            if turn % 2:
                found.append(trace_any(model, inputs).trace)
            else:
                found.append(trace_model(model, inputs).trace)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        run_together(trace, trace)
    finally:
        sys.setswitchinterval(interval)
    assert state() == before
    assert len(found) == 40
    assert all(trace == wanted for trace in found)


def test_what_one_thread_has_changed_another_does_not_put_back() -> None:
    before = state()
    inside, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with Recorder(nn.Linear(2, 2)), uncompiled():
            inside.set()
            assert not go_on.wait(0.2)
            order.append("first")

    def second() -> None:
        assert inside.wait(60)
        with Recorder(nn.Linear(2, 2)):
            order.append("second")
            go_on.set()

    run_together(first, second)
    assert order == ["first", "second"]
    assert state() == before


def test_who_is_inside_may_enter_again() -> None:
    with one_at_a_time(), one_at_a_time(), uncompiled(), uncompiled():
        assert PROGRAM.compile(len) is len
