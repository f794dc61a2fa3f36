"""The records of a pass while they are added to."""

from __future__ import annotations

from torch import nn

from shapescope.capture.log import Log
from shapescope.capture.records import Registered

NOTHING = Registered((("", nn.ReLU()),))


def logged(*ops: str) -> Log:
    log = Log()
    for op in ops:
        log.add(log.path, op, "function", [], [], None)
    return log


def test_a_record_hangs_below_the_module_that_runs() -> None:
    log = Log()
    assert log.path == ""
    log.add("body", "module", "module", [], [], None)
    log.open.append(log.last)
    record = log.add(log.path, "relu", "function", [], [], None)
    assert (record.path, record.parent, log.last) == ("body", 0, 1)


def test_an_error_that_was_caught_leaves_no_step_and_the_rest_is_numbered_anew() -> None:
    log = logged("relu", "matmul", "add")
    log.fail(1, ValueError("caught"))
    steps, failure = log.finish(None, NOTHING, {})
    assert failure is None
    assert [(step.index, step.op) for step in steps] == [(0, "relu"), (1, "add")]
    assert log.by_step({0: "first", 1: "gone", 2: "last"}) == {0: "first", 1: "last"}


def test_the_failing_step_is_the_one_whose_error_led_to_the_end() -> None:
    log = logged("relu", "matmul")
    first, second = ValueError("caught"), KeyError("led to it")
    log.fail(0, first)
    log.fail(1, second)
    end = RuntimeError("the end")
    end.__cause__ = second
    assert log.failing(end) == 1
    steps, failure = log.finish(end, NOTHING, {})
    assert failure is not None
    assert (failure.step, failure.exception, len(steps)) == (0, "RuntimeError", 1)


def test_an_error_outside_of_every_step_has_none() -> None:
    log = logged("relu")
    assert log.failing(RuntimeError("elsewhere")) is None
    assert log.finish(RuntimeError("elsewhere"), NOTHING, {})[1] is not None
