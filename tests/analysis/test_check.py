"""The check of a step: the formula with its numbers, and what it says of torch's shape."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.analysis import step_check
from shapescope.analysis.check import check_trace
from shapescope.analysis.step_check import Check, check_step
from shapescope.attrs import CallAttrs, ConvAttrs, LinearAttrs, ModuleAttrs, PoolAttrs
from shapescope.capture.tracer import trace_model
from shapescope.networks.registry import NETWORKS, NetworkEntry
from shapescope.trace import Step, TensorSpec, Trace


def step(op: str, given: Any, made: Any, attrs: Any = None, kind: str = "module") -> Step:
    inputs = tuple(TensorSpec(tuple(one), "float32", "x") for one in given)
    outputs = tuple(TensorSpec(tuple(one)) for one in made)
    return Step(0, "layer", op, kind, None, (), inputs, outputs, attrs)


CONV = ConvAttrs(1, 6, (5, 5), (1, 1), (0, 0), (1, 1))


def test_match_shows_the_formula_of_each_axis() -> None:
    found = check_step(step("conv2d", [(1, 1, 28, 32)], [(1, 6, 24, 28)], CONV))
    assert found == Check(
        "match",
        ("(28 - 5 + 2*0)/1 + 1 = 24", "(32 - 5 + 2*0)/1 + 1 = 28"),
        (1, 6, 24, 28),
    )


def test_another_shape_is_a_mismatch() -> None:
    found = check_step(step("conv2d", [(1, 1, 28, 28)], [(1, 6, 25, 24)], CONV))
    assert (found.status, found.expected) == ("mismatch", (1, 6, 24, 24))


def test_a_shape_for_what_a_cpu_refuses_is_a_mismatch() -> None:
    # meta makes 1 x 1 x 8 x 8 of this
    attrs = ConvAttrs(1, 1, (3, 3), (1, 1), (0, 0), (0, 0))
    found = check_step(step("conv2d", [(1, 1, 8, 8)], [(1, 1, 8, 8)], attrs))
    assert found.status == "mismatch"
    assert found.formula == ("(8 + 2*0 - 0*(3-1) - 1)//1 + 1 = 8",) * 2
    assert found.expected is None


def test_a_step_that_failed_has_its_arithmetic_and_nothing_to_compare() -> None:
    pool = PoolAttrs((3, 3), (2, 2), (0, 0), (1, 1))
    found = check_step(step("max_pool2d", [(1, 192, 1, 1)], [], pool))
    assert found == Check("not_applicable", ("(1 - 3 + 2*0)/2 + 1 = 0",) * 2)
    linear = check_step(step("linear", [(1, 256)], [], LinearAttrs(400, 120)))
    assert linear == Check("not_applicable", ("1 x 256 -> 1 x 120",))


def test_a_refusal_without_formula_says_why() -> None:
    found = check_step(step("add", [(2, 3), (2, 4)], [], None, "function"))
    assert found.formula == ("2 x 3 and 2 x 4 do not broadcast; axis 1: 3 != 4",)


@pytest.mark.parametrize(
    ("made", "formula"),
    [
        (
            step("flatten", [(1, 16, 5, 5)], [(1, 400)], CallAttrs((("start_dim", 1),))),
            ("16 * 5 * 5 = 400",),
        ),
        (
            step("reshape", [(2, 16, 5, 5)], [(2, 400)], CallAttrs((("shape", (2, -1)),))),
            ("16 * 5 * 5 = 400",),
        ),
        (
            step("view", [(32, 16, 10, 10)], [(128, 400)], CallAttrs((("shape", (-1, 400)),))),
            ("32 * 16 * 10 * 10 = 128 * 400 = 51200",),
        ),
        (
            step("view", [(2, 400)], [(2, 16, 5, 5)], CallAttrs((("shape", (2, 16, 5, 5)),))),
            ("400 = 16 * 5 * 5",),
        ),
        (
            step("view", [(2, 3)], [(2, 3)], CallAttrs((("shape", (2, 3)),))),
            (),
        ),
        (
            step("unfold", [(1, 3, 8, 8)], [(1, 27, 36)], None),
            (),
        ),
        (step("linear", [(1, 400)], [(1, 120)], LinearAttrs(400, 120)), ("1 x 400 -> 1 x 120",)),
        (step("cat", [(1, 3), (1, 4)], [(1, 7)], CallAttrs((("dim", 1),))), ("3 + 4 = 7",)),
        (
            step("matmul", [(2, 3), (3, 4)], [(2, 4)]),
            ("2 x 3 @ 3 x 4 -> 2 x 4",),
        ),
        (step("add", [(2, 1), (3,)], [(2, 3)]), ("2 x 1, 3 -> 2 x 3",)),
    ],
    ids=lambda value: value.op if isinstance(value, Step) else "",
)
def test_formula(made: Step, formula: tuple[str, ...]) -> None:
    assert check_step(made).formula == formula


def test_a_module_that_was_opened_is_not_applicable() -> None:
    opened = step("module", [(1, 3)], [(1, 3)], ModuleAttrs("Net"))
    assert check_step(opened) == Check("not_applicable")


def test_an_op_without_rule_is_unknown() -> None:
    assert check_step(step("my_own_kernel", [(1, 3)], [(1, 3)])) == Check("unknown")


def test_sizes_that_depend_on_values_are_taken_as_they_are() -> None:
    model = nn.Sequential(nn.Linear(4, 4))

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = model

        def forward(self, x: Tensor) -> Tensor:
            kept: Tensor = self.layer(x)[x[:, 0] > 0.5]
            return F.relu(kept)

    trace = trace_model(Masked(), ((torch.eye(4),), {}), mode="real").trace
    found = {step.op: check.status for step, check in zip(trace.steps, check_trace(trace),
                                                          strict=True)}  # fmt: skip
    assert found["getitem"] in ("match", "not_applicable")
    masked = [s for s in trace.steps if s.op == "getitem"][-1]
    assert check_step(masked).status == "not_applicable"
    assert found["relu"] == "match"


def test_symbolic_sizes_never_crash() -> None:
    made = step("conv2d", [(1, 1, "H", "W")], [(1, 6, "H - 4", "W - 4")], CONV)
    assert check_step(made).status == "not_applicable"
    trace = Trace("m", "symbolic", made.inputs, (made,), made.outputs)
    assert len(check_trace(trace)) == 1


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_every_step_of_the_document_networks_matches(entry: NetworkEntry) -> None:
    module, _, name = entry.factory.partition(":")
    network = getattr(importlib.import_module(module), name)()
    trace = trace_model(network, ((torch.rand(entry.input_shape),), {})).trace
    for made, check in zip(trace.steps, check_trace(trace), strict=True):
        if made.op == "module":
            assert check.status == "not_applicable"
        else:
            assert check.status == "match", made
            if made.op in ("conv2d", "max_pool2d", "avg_pool2d"):
                assert len(check.formula) == 2
                assert check.formula[0].endswith(f"= {made.outputs[0].shape[2]}")


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", [0, 2, "same"])
@pytest.mark.parametrize("kernel", [1, 4, 5])
def test_conv_formula_ends_in_what_torch_makes(
    kernel: int, padding: int | str, dilation: int
) -> None:
    layer = nn.Conv1d(2, 3, kernel, padding=padding, dilation=dilation)
    trace = trace_model(layer, ((torch.rand(1, 2, 19),), {}), mode="meta").trace
    (check,) = check_trace(trace)
    assert check.status == "match"
    assert check.formula[0].endswith(f"= {trace.outputs[0].shape[2]}")


def test_a_question_is_worked_out_once_and_no_other_is_mistaken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Step] = []
    judge = step_check._judged

    def judged(one: Step) -> step_check.Verdict:
        asked.append(one)
        return judge(one)

    monkeypatch.setattr(step_check, "_judged", judged)
    monkeypatch.setattr(step_check, "_known", {})
    for size in (24, 24, 25):
        for attrs in (CONV, replace(CONV), replace(CONV, padding=(2, 2))):
            made = [(1, 6, size, size)]
            found = check_step(step("conv2d", [(1, 1, 28, 28)], made, attrs))
            assert found.expected == ((1, 6, 24, 24) if attrs == CONV else (1, 6, 28, 28))
            assert (found.status == "match") == (found.expected == made[0])
    assert len(asked) == 4


def test_equal_arguments_of_other_types_are_another_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known: dict[object, step_check.Verdict] = {}
    monkeypatch.setattr(step_check, "_known", known)
    for inplace in (True, True, 1, 1.0):
        settings = CallAttrs((("inplace", inplace),))
        assert check_step(step("relu", [(2, 3)], [(2, 3)], settings)).status == "match"
    assert len(known) == 2  # a float may read in several ways: it is judged each time


def test_a_verdict_tells_where_the_axes_come_from() -> None:
    done = step("conv2d", [(1, 1, 28, 28)], [(1, 6, 24, 24)], CONV)
    failed = step("conv2d", [(1, 1, 28, 28)], [], CONV)
    (flow,) = step_check.verdict(done).flows or ()
    assert [None if link is None else link.axis for link in flow] == [0, None, 2, 3]
    assert step_check.verdict(failed).flows is None


@pytest.mark.parametrize("factors", [(2, 2.0), (2.0, 2)])
def test_equal_settings_that_read_differently_keep_their_text(factors: tuple[float, ...]) -> None:
    for factor in factors:
        given = torch.ones(1, 1, 4, 4)
        traced = trace_model(Scaled(factor), ((given,), {})).trace
        (scaled,) = (one for one in traced.steps if one.op == "interpolate")
        assert f" * {factor})" in check_step(scaled).formula[0]


class Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=self.factor)
