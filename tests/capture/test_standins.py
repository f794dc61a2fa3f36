"""The stand-ins: a pass on meta imports nothing heavy, and nothing of them stays behind."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from shapescope.capture.standins import _ANSWERS, _StandIn, light_imports

HEAVY = ("sympy", "torch._dynamo", "torch.fx.experimental.symbolic_shapes")


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TRACE = """
import sys, torch
from torch import nn
from shapescope.capture.inputs import InputSpec
from shapescope.capture.tracer import trace_model
model = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(8, 8), nn.LayerNorm(8), nn.Softmax(1),
)
traced = trace_model(model, (InputSpec((2, 3, 16, 16)),))
assert traced.trace.failure is None and traced.trace.mode == "meta", traced
"""


def test_a_trace_imports_neither_the_compiler_nor_sympy() -> None:
    heavy = f"print([name for name in {HEAVY} if name in sys.modules])"
    assert run(TRACE + heavy) == "[]"


def test_the_real_modules_work_afterwards() -> None:
    after = """
import torch._dynamo, sympy
from torch.fx.experimental.symbolic_shapes import ShapeEnv
assert torch._dynamo.__file__ and sympy.Symbol("x") + 0 == sympy.Symbol("x")
compiled = torch.compile(lambda x: torch.relu(x) + 1, backend="eager")
print(compiled(torch.zeros(2)).tolist(), torch._dynamo is sys.modules["torch._dynamo"])
"""
    assert run(TRACE + after) == "[1.0, 1.0] True"


def test_code_that_needs_a_real_module_inside_gets_it() -> None:
    code = """
import sys, torch
from torch import nn
from shapescope.capture.inputs import InputSpec
from shapescope.capture.tracer import trace_model

class UsesSympy(nn.Module):
    def forward(self, x):
        import sympy
        return x * int(sympy.factorial(3)) if sympy.sqrt(4) == 2 else None

traced = trace_model(UsesSympy(), (InputSpec((2, 3)),))
print(traced.trace.mode, traced.trace.failure, sys.modules["sympy"].__version__ != "")
"""
    assert run(code) == "meta None True"


def test_the_stand_in_agrees_with_the_real_answers() -> None:
    from torch.fx.experimental import symbolic_shapes as real

    for name in ("expect_true", "guard_or_false", "guard_or_true", "statically_known_true"):
        for value in (True, False):
            assert _ANSWERS[name](value) == getattr(real, name)(value), name
    for pair in ((True, True), (True, False), (False, False)):
        assert _ANSWERS["sym_and"](*pair) == real.sym_and(*pair)
        assert _ANSWERS["sym_or"](*pair) == real.sym_or(*pair)
    assert _ANSWERS["sym_eq"]((1, 2), (1, 2)) == real.sym_eq((1, 2), (1, 2))
    assert _ANSWERS["sym_eq"]((1, 2), (1, 3)) == real.sym_eq((1, 2), (1, 3))
    assert _ANSWERS["is_nested_int"](3) == real.is_nested_int(3)


def test_where_the_real_modules_are_loaded_nothing_is_done() -> None:
    import sympy

    with light_imports():
        assert sys.modules["sympy"] is sympy


def test_an_unknown_name_steps_aside_for_the_real_module(monkeypatch: pytest.MonkeyPatch) -> None:
    import colorsys

    monkeypatch.setitem(sys.modules, "colorsys", ModuleType("colorsys"))
    stand_in = _StandIn("colorsys", {"known": 1})
    stand_in._appear()
    assert sys.modules["colorsys"].known == 1
    assert stand_in.rgb_to_hsv(0, 0, 0) == colorsys.rgb_to_hsv(0, 0, 0)
    assert sys.modules["colorsys"] is not stand_in
    with pytest.raises(AttributeError):
        stand_in.__wrapped__  # noqa: B018


def test_a_module_inside_of_one_that_is_stood_in_for_is_the_real_one() -> None:
    code = """
import sys, torch
from shapescope.capture.standins import light_imports
with light_imports():
    from sympy import Expr
    import sympy.core.symbol
import sympy
inside = sys.modules["sympy.core"]
print(inside is sympy.core, inside.__spec__.origin == inside.__file__)
print(sympy.Symbol is sympy.core.Symbol, any("standins" in repr(it) for it in sys.meta_path))
"""
    assert run(code) == "True True\nTrue False"


def test_a_derivative_taken_inside_forward_is_traced_in_a_fresh_process() -> None:
    code = """
import torch
from torch import nn
from shapescope.capture.tracer import trace_model
class Energy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 1)
    def forward(self, x):
        return torch.func.grad(lambda rows: self.net(rows).sum())(x)
traced = trace_model(Energy(), ((torch.rand(3, 2),), {}))
print(traced.trace.failure, traced.trace.mode, traced.trace.outputs[0].shape)
"""
    assert run(code) == "None meta (3, 2)"
