"""What lies beside a live model stays, too: classes, globals, hooks, switches of torch."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shapescope
from shapescope.capture.input_spec import parse_input, parse_inputs
from shapescope.capture.traced import Target
from shapescope.session import trace_any
from shapescope.sizing import valid_sizes

SIZE = (2, 3, 8, 8)
SPECS = parse_inputs(["2,3,8,8"])

TOOLS: dict[str, Callable[[nn.Module], Any]] = {
    "meta": lambda model: shapescope.trace(model, SIZE),
    "no input": lambda model: shapescope.trace(model),
    "train": lambda model: shapescope.trace(model, SIZE, mode="train"),
    "fake": lambda model: trace_any(model, SPECS, mode="fake"),
    "real": lambda model: trace_any(model, SPECS, mode="real"),
    "symbolic": lambda model: trace_any(model, SPECS, mode="symbolic"),
    "loss": lambda model: trace_any(
        model, SPECS, train=True, target=Target(parse_input("2,4"), "mse_loss")
    ),
    "time": lambda model: trace_any(model, SPECS, time=True),
    "values and peers": lambda model: trace_any(model, SPECS, values=True, peers=True),
    "check": lambda model: shapescope.check(model, SIZE, outputs=[(2, 4)]),
    "sizes": lambda model: valid_sizes(model, SPECS),
    "params": lambda model: str(shapescope.params(model)),
    "drawn": lambda model: _drawn(shapescope.trace(model, SIZE)),
}


def _drawn(result: Any) -> tuple[str, ...]:
    return result._repr_html_(), result.to_json(), result.to_markdown(), str(result)


LOG: list[Any] = []
ACTIVATION: dict[str, Any] = {}
COUNT = 0


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.norm(self.conv(x)).mean((2, 3)))
        return out


def _remember(x: Tensor) -> None:
    LOG.append(x)


class CountsOnItsClass(Base):
    calls = 0
    shapes: list[Any] = []  # noqa: RUF012 - as people write it
    memory: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        global COUNT
        COUNT += 1
        type(self).calls += 1
        type(self).memory = x
        self.shapes.append(x.shape)
        ACTIVATION["x"] = x
        _remember(x)
        return super().forward(x)


class Collector:
    def __init__(self) -> None:
        self.outputs: list[Any] = []

    def __call__(self, _module: nn.Module, _args: Any, out: Tensor) -> None:
        self.outputs.append(out)


def _named(name: str) -> Callable[..., None]:
    """The hook of most tutorials: a dictionary of the notebook takes the outputs."""

    def hook(_module: nn.Module, _args: Any, out: Tensor) -> None:
        ACTIVATION[name] = out.detach()

    return hook


class Hooked(Base):
    def __init__(self) -> None:
        super().__init__()
        self.collector = Collector()
        self.kept: list[Any] = []
        store = self.kept

        def by_default(_m: nn.Module, _a: Any, out: Tensor, store: list[Any] = store) -> None:
            store.append(out)

        self.conv.register_forward_hook(self.collector)
        self.conv.register_forward_hook(_named("conv"))
        self.conv.register_forward_hook(by_default)
        self.conv.register_forward_hook(lambda _m, _a, out: LOG.append(out))
        self.conv.register_forward_pre_hook(lambda _m, args: store.append(args))
        self.norm.register_full_backward_hook(lambda _m, _i, out: store.append(out))


class TurnsSwitches(Base):
    def forward(self, x: Tensor) -> Tensor:
        torch.manual_seed(1)
        random.seed(2)
        np.random.seed(3)
        torch.set_grad_enabled(not torch.is_grad_enabled())
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
        torch.autograd.set_detect_anomaly(True)
        warnings.filterwarnings("ignore")
        out = super().forward(x)
        torch.set_default_dtype(torch.float64)
        self.train(not self.training)
        return out


class SwitchesAndRaises(TurnsSwitches):
    def forward(self, x: Tensor) -> Tensor:
        LOG.append(super().forward(x))
        raise RuntimeError("no")


MODELS = {
    kind.__name__: kind for kind in (CountsOnItsClass, Hooked, TurnsSwitches, SwitchesAndRaises)
}


def beside(model: nn.Module) -> dict[str, Any]:
    """All that a model could change without being changed itself."""
    numpy_state: Any = np.random.get_state()
    return {
        "class": (CountsOnItsClass.calls, CountsOnItsClass.memory, list(CountsOnItsClass.shapes)),
        "globals": (list(LOG), dict(ACTIVATION), COUNT),
        "hooks": (
            list(getattr(model, "kept", ())),
            list(getattr(getattr(model, "collector", None), "outputs", ())),
        ),
        "random": (torch.get_rng_state().tolist(), random.getstate(), str(numpy_state)),
        "training": [module.training for module in model.modules()],
        "switches": (
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
            str(torch.get_default_device()),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.benchmark,
            torch.get_float32_matmul_precision(),
            torch.is_anomaly_enabled(),
            torch.backends.mha.get_fastpath_enabled(),
            sys.getrecursionlimit(),
            list(warnings.filters),
        ),
    }


@pytest.fixture(scope="module", autouse=True)
def _all_imported() -> None:
    """Modules of torch's that are imported late add filters of warnings of their own."""
    for tool in TOOLS.values():
        tool(Base())


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", MODELS)
def test_nothing_beside_a_live_model_changes(kind: str, tool: str) -> None:
    model = MODELS[kind]()
    before = beside(model)
    try:
        TOOLS[tool](model)
    except shapescope.ShapescopeError as error:
        # --time of a forward that raises, an axis that cannot be left open: one clear line.
        assert len(str(error).splitlines()) == 1
    assert beside(model) == before


class Noisy(nn.Module):
    """Draws from generators of its own, one of them deep inside an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(3)
        self.more = {"deep": [torch.Generator().manual_seed(4)]}
        self.linear = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.rand(x.shape, generator=self.generator)
        out: Tensor = self.linear(x + noise + torch.rand(3, generator=self.more["deep"][0]))
        return out


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_generator_of_the_models_is_copied_with_its_state(device: str | None) -> None:
    model = Noisy()
    before = model.generator.get_state(), model.more["deep"][0].get_state()
    result = shapescope.trace(model, (2, 3), device=device)
    assert result.trace.failure is None
    assert result.trace.outputs[0].shape == (2, 3)
    assert torch.equal(model.generator.get_state(), before[0])
    assert torch.equal(model.more["deep"][0].get_state(), before[1])
