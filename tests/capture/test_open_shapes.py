"""Formulas of small models whose shapes hang on their input's, against concrete traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.analysis.check import check_trace
from shapescope.analysis.step_check import MATCH
from shapescope.analysis.symbolic_check import Evaluator
from shapescope.arithmetic.expressions import parse_condition
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loader import load
from shapescope.capture.tracer import trace_model
from shapescope.trace import from_dict, to_dict

FILE = Path(__file__).parents[1] / "sizes" / "models" / "open_shapes.py"

SIZES = ((2, 64, 64), (3, 57, 90), (5, 131, 44), (2, 39, 39))

MODELS = {
    "PaddedUNet": ("H >= 4", "W >= 4"),
    "TextReader": ("H >= 2", "W >= 2"),
    "SuperResolution": (),
    "TokenAttention": ("H >= 4", "W >= 4"),
    "Windows": ("H >= 2", "W >= 2"),
    "PyramidPooling": (),
    "Decoder": (),
    "Strided": ("H >= 2", "W >= 7"),
    "Products": ("H >= 5", "W >= 5"),
    "Patches": ("H >= 2", "W >= 2"),
    "Grids": (),
    "Sorted": ("W >= 11",),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_step_has_the_shape_of_its_formula(name: str) -> None:
    channels = 1 if name == "TextReader" else 3
    loaded = load(f"{FILE}:{name}")
    trace = trace_model(loaded, (InputSpec((1, channels, 64, 64)),), mode="symbolic").trace
    assert trace.holds_where == MODELS[name]
    assert trace.inputs[0].shape == ("N", channels, "H", "W")
    assert {check.status for step, check in zip(trace.steps, check_trace(trace), strict=True)
            if not step.is_composite} == {MATCH}  # fmt: skip
    for batch, height, width in SIZES:
        at = Evaluator({"N": batch, "H": height, "W": width})
        assert all(parse_condition(one).evaluate(at.sizes) for one in trace.holds_where)
        plain = trace_model(loaded, (InputSpec((batch, channels, height, width)),)).trace
        assert plain.failure is None
        for step, other in zip(trace.steps, plain.steps, strict=True):
            made = [at.shape(spec.shape) for spec in (*step.inputs, *step.outputs)]
            wanted = [spec.shape for spec in (*other.inputs, *other.outputs)]
            assert made == wanted, (step.path, step.op)


def test_conditions_go_the_way_through_json() -> None:
    trace = trace_model(load(f"{FILE}:Windows"), (InputSpec((1, 3, 64, 64)),),
                        mode="symbolic").trace  # fmt: skip
    assert to_dict(trace)["holds_where"] == ["H >= 2", "W >= 2"]
    assert from_dict(to_dict(trace)) == trace
