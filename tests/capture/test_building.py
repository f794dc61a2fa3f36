"""Building without memory, and falling back where a constructor needs values."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapescope.capture.loading.building import NotAModuleError, build_module


class NeedsValues(nn.Module):
    """Works on values that do not depend on its parameters, as stochastic depth does."""

    def __init__(self) -> None:
        super().__init__()
        rates = [x.item() for x in torch.linspace(0, 0.5, 3)]
        self.rates = rates
        self.wide = nn.Linear(1000, 1000)
        self.tied = nn.Linear(1000, 1000)
        self.tied.weight = self.wide.weight
        self.register_buffer("table", torch.tensor(rates))
        self.lazy = nn.LazyLinear(3)


class NeedsWeights(nn.Module):
    """Looks at the values of its own parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        if float(self.layer.weight.abs().sum().item()) > 0:
            self.checked = True


class NeedsNumpy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        weight = torch.eye(3)
        self.scale = float(np.linalg.norm(weight.numpy()))
        self.weight = nn.Parameter(weight)


def devices(module: nn.Module) -> dict[str, str]:
    tensors = (*module.named_parameters(), *module.named_buffers())
    return {name: tensor.device.type for name, tensor in tensors}


def test_nothing_is_allocated_on_meta() -> None:
    built = build_module(lambda: nn.Linear(10**7, 10**7))
    assert devices(built.module) == {"weight": "meta", "bias": "meta"}
    assert (built.device, built.note) == ("meta", "")


@pytest.mark.parametrize("make", [NeedsValues, NeedsNumpy])
def test_parameters_alone_on_meta(make: Callable[[], nn.Module]) -> None:
    register = nn.Module.register_parameter
    built = build_module(make)
    assert built.device == "parameters"
    assert built.note.startswith("the constructor does not work on meta (")
    assert nn.Module.register_parameter is register
    found = devices(built.module)
    assert {found[name] for name, _ in built.module.named_parameters() if "lazy" not in name} == {
        "meta"
    }


def test_what_parameters_on_meta_keep() -> None:
    module: Any = build_module(NeedsValues).module
    assert module.rates == [0.0, 0.25, 0.5]
    assert module.table.tolist() == [0.0, 0.25, 0.5]
    assert module.tied.weight is module.wide.weight
    assert nn.parameter.is_lazy(module.lazy.weight)


def test_the_cpu_where_values_of_weights_are_needed() -> None:
    built = build_module(NeedsWeights)
    module: Any = built.module
    assert built.device == "cpu"
    assert module.checked is True
    assert devices(built.module) == {"layer.weight": "cpu", "layer.bias": "cpu"}
    assert "Tensor.item() cannot be called on meta tensors" in built.note


class Broken(nn.Module):
    tries = 0

    def __init__(self) -> None:
        super().__init__()
        Broken.tries += 1
        self.layer = nn.Conv2d(3, 4, 3, groups=2)


def test_a_constructor_at_fault_is_not_tried_with_memory() -> None:
    Broken.tries = 0
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        build_module(Broken)
    assert Broken.tries == 2


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(
    ("made", "what"), [(None, "None"), ([1], "a value of type list"), (3, "a value of type int")]
)
def test_what_is_no_module_is_refused(device: str, made: object, what: str) -> None:
    with pytest.raises(NotAModuleError, match=f"^{what}$"):
        build_module(lambda: made, device)


class Random(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drawn = (random.random(), float(np.random.rand()), torch.rand(1).item())


def states() -> tuple[object, ...]:
    return (
        random.getstate(),
        np.random.get_state(legacy=False)["state"]["key"].tolist(),
        torch.get_rng_state().tolist(),
    )


def test_all_random_numbers_are_seeded_and_their_states_put_back() -> None:
    before = states()
    first: Any = build_module(Random, "cpu", seed=3).module
    assert states() == before
    random.random()
    second: Any = build_module(Random, "cpu", seed=3).module
    other: Any = build_module(Random, "cpu", seed=4).module
    assert first.drawn == second.drawn
    assert all(a != b for a, b in zip(first.drawn, other.drawn, strict=True))
    before = states()
    with pytest.raises(ZeroDivisionError):
        build_module(lambda: 1 / 0, "cpu")
    assert states() == before


def test_the_same_weights_with_and_without_a_fallback() -> None:
    plain = build_module(lambda: nn.Linear(3, 3), "cpu", seed=5).module
    torch.manual_seed(5)
    assert torch.equal(nn.Linear(3, 3).get_parameter("weight"), plain.get_parameter("weight"))


class Modes(nn.Module):
    """Overrides train() and forgets to return itself."""

    def train(self, mode: bool = True) -> Any:
        super().train(mode)
        return None


def test_models_are_in_eval_mode_whatever_train_returns() -> None:
    built = build_module(lambda: nn.Sequential(Modes(), nn.Dropout()))
    assert not any(module.training for module in built.module.modules())
    assert not build_module(Modes).module.training


def test_a_constructor_that_sets_its_own_device_is_obeyed() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2, device="cpu")
            self.scale: Tensor = torch.ones(1)

    module = build_module(Own).module
    assert devices(module) == {"layer.weight": "cpu", "layer.bias": "cpu"}
    assert module.scale.device.type == "meta"
