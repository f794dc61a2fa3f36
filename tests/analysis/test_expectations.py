from __future__ import annotations

from dataclasses import replace
from functools import cache

from shapescope.analysis.expectations import Expectations, problems
from shapescope.analysis.step_check import Check
from shapescope.diagnostic import Diagnostic, Severity
from shapescope.result import TraceResult
from shapescope.trace import Failure


@cache
def network() -> TraceResult:
    from shapescope.session import Request, run_trace

    return run_trace(Request("network"))


def told(result: TraceResult, expected: Expectations | None = None) -> list[str]:
    return [f"{one.rule}: {one.message}" for one in problems(result, expected)]


def test_all_is_well() -> None:
    met = Expectations(((1, 10),), 32_998, 232_440)
    assert told(network(), met) == told(network()) == []


def test_each_expectation_that_is_not_met() -> None:
    expected = Expectations(((1, 11), (3,)), 32_997, 232_439)
    assert told(network(), expected) == [
        "unexpected-output: the output is 1 x 10, expected is 1 x 11, 3",
        "too-many-params: 32,998 parameters, at most 32,997",
        "too-many-macs: 232,440 multiply-adds, at most 232,439",
    ]
    assert {one.severity for one in problems(network(), expected)} == {Severity.ERROR}


def test_no_output_at_all_may_be_expected() -> None:
    assert told(network(), Expectations(())) == [
        "unexpected-output: the output is 1 x 10, expected is nothing"
    ]


def failing(diagnostics: tuple[Diagnostic, ...]) -> TraceResult:
    trace = replace(network().trace, outputs=(), failure=Failure(None, "KeyError", "'x'\nmore"))
    return TraceResult(trace, diagnostics)


def test_a_failure_that_no_rule_explains_is_named() -> None:
    assert told(failing(())) == ["forward-raises: KeyError: 'x'"]
    explained = Diagnostic("r", Severity.ERROR, "w")
    assert told(failing((explained,))) == ["r: w"]
    # What a failed model costs or gives is not judged.
    assert told(failing((explained,)), Expectations(((9,),), 0, 0)) == ["r: w"]


def with_mismatch(diagnostics: tuple[Diagnostic, ...]) -> TraceResult:
    result = TraceResult(network().trace, diagnostics)
    checks = [*network().checks]
    step = network().trace.leaves[0]
    checks[step.index] = Check("mismatch", ("1 + 1 = 2",), (2,))
    result.__dict__["checks"] = tuple(checks)
    return result


def test_a_mismatch_is_told_unless_a_rule_speaks_of_it() -> None:
    found = problems(with_mismatch(()))
    assert [one.message for one in found] == [
        "`conv1` (conv2d) gives 1 x 6 x 24 x 24, the formula gives 2"
    ]
    assert found[0].why == ("1 + 1 = 2",)
    index = network().trace.leaves[0].index
    rule = Diagnostic("r", Severity.ERROR, "w", step=index)
    assert told(with_mismatch((rule,))) == ["r: w"]
