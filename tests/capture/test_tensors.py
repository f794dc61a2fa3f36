"""Copies of models: all of the structure, none of the user's own state."""

from __future__ import annotations

import copy
import random
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapescope.capture.passes import run_pass
from shapescope.capture.tensors import map_tensors, tensors_in
from shapescope.capture.untouched.copies import meta_copy, real_copy


class Awkward(nn.Module):
    """Keeps tensors and modules in every place where people keep them."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 4, batch_first=True)
        self.norm = nn.BatchNorm1d(4)
        self.again = self.norm
        self.freqs = torch.arange(4.0)
        self.cache: dict[str, Any] = {"k": torch.zeros(2)}
        self.layers = [nn.Linear(4, 4)]
        self.calls = 0
        self.lock = threading.Lock()

    def forward(self, x: Tensor, fail: bool = False) -> Tensor:
        self.calls += 1
        self.cache["x"] = x
        y, _ = self.rnn(x)
        y = self.layers[0](y * self.freqs)
        y = self.norm(y.transpose(1, 2))
        if fail:
            raise RuntimeError("as asked")
        return self.again(y)


def state_of(model: Awkward) -> dict[str, Any]:
    return {
        "state": {name: value.clone() for name, value in model.state_dict().items()},
        "ids": [id(parameter) for parameter in model.parameters()],
        "flat": [id(weight) for weight in model.rnn._flat_weights],
        "training": [module.training for module in model.modules()],
        "calls": model.calls,
        "cache": list(model.cache),
        "freqs": id(model.freqs),
        "hooks": [
            (dict(module._forward_hooks), dict(module._forward_pre_hooks))
            for module in model.modules()
        ],
        "attributes": [sorted(module.__dict__) for module in model.modules()],
        "grads": [parameter.grad for parameter in model.parameters()],
        "devices": {str(value.device) for value in model.state_dict().values()},
    }


def numpy_state() -> list[int]:
    state: Any = np.random.get_state()
    return list(state[1])


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    states = before.pop("state"), after.pop("state")
    assert before == after
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("copier", [meta_copy, real_copy])
def test_the_users_model_is_untouched(fail: bool, train: bool, copier: Any) -> None:
    model = Awkward().train(train)
    collected: list[Tensor] = []
    model.norm.register_forward_hook(lambda module, args, output: collected.append(output))
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    before = state_of(model)
    states = torch.get_rng_state(), random.getstate(), numpy_state()
    mine = copier(model)
    mine.train(not train)
    device = next(mine.parameters()).device
    done = run_pass(
        mine,
        (torch.zeros(2, 3, 4, device=device),),
        {"fail": fail},
        mode="real",
        redirect=str(device),
        definitions={},
    )
    assert (done.failure is not None) == fail
    assert_same(before, state_of(model))
    assert collected == []
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert states[2] == numpy_state()


def test_a_copy_keeps_what_is_the_same_object_the_same() -> None:
    mine: Any = meta_copy(Awkward())
    assert mine.norm is mine.again
    assert [id(weight) for weight in mine.rnn._flat_weights] == [
        id(parameter) for parameter in mine.rnn.parameters()
    ]
    assert mine.freqs.device.type == mine.layers[0].weight.device.type == "meta"


@pytest.mark.parametrize("copier", [meta_copy, real_copy])
def test_a_copy_has_hooks_and_settings_of_its_own(copier: Any) -> None:
    model: Any = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    model[0].stride = [2, 2]  # as somebody may set it
    model[0].notes = ("a", [1])
    mine = copier(model)
    for module, own in zip(model.modules(), mine.modules(), strict=True):
        assert list(vars(module)) == list(vars(own))
        for name, value in vars(module).items():
            if isinstance(value, dict | set | list):
                assert type(vars(own)[name]) is type(value)
                assert vars(own)[name] is not value, name
    assert mine[0].notes == ("a", [1])
    assert mine[0].notes[1] is not model[0].notes[1]


def test_what_cannot_be_copied_is_shared() -> None:
    model = Awkward()
    mine: Any = meta_copy(model)
    assert mine.lock is model.lock
    assert mine.cache is not model.cache


def test_non_leaf_tensors_and_grads_are_no_hindrance() -> None:
    model = nn.Linear(4, 4)
    model(torch.ones(1, 4)).sum().backward()
    model.derived = model.weight * 2
    mine: Any = meta_copy(model)
    assert mine.derived.device.type == "meta"
    assert model.weight.grad is not None


def test_a_real_copy_has_the_values() -> None:
    model = nn.Linear(4, 4)
    mine = real_copy(model)
    assert torch.equal(next(mine.parameters()), model.weight)
    assert next(mine.parameters()) is not model.weight
    with torch.device("meta"):
        empty = nn.Linear(4, 4)
    assert next(real_copy(empty).parameters()).abs().sum() > 0


def test_trees_keep_their_types() -> None:
    tree = {"a": [torch.zeros(1)], "b": (torch.zeros(2), 3), "c": None}
    doubled = map_tensors(lambda tensor: tensor + 1, tree)
    assert [tensor.sum().item() for tensor in tensors_in(doubled)] == [1.0, 2.0]
    assert isinstance(doubled["b"], tuple)
    assert tree["a"][0].item() == 0.0  # type: ignore[index]


def test_a_copy_of_a_copy_is_possible() -> None:
    copy.deepcopy(meta_copy(nn.LSTM(3, 3)))


@pytest.mark.parametrize("copier", [meta_copy, real_copy])
def test_a_hook_that_closes_over_a_name_without_a_value(copier: Any) -> None:
    layer = nn.Linear(4, 4)

    def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return output if module.training else later(output)

    layer.register_forward_hook(hook)
    mine = copier(layer)
    (copied,) = mine._forward_hooks.values()
    assert copied is not hook
    with pytest.raises(NameError, match="later"):
        copied(mine.eval(), (), torch.ones(1))
    later = abs


class Slotted(nn.Module):
    __slots__ = ("__width", "unset", "weights")

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "_Slotted__width", 3)
        object.__setattr__(self, "weights", [torch.ones(2)])


def test_what_is_kept_in_slots_is_copied() -> None:
    model: Any = Slotted()
    mine: Any = meta_copy(model)
    assert mine._Slotted__width == 3
    assert mine.weights is not model.weights
    assert mine.weights[0].device.type == "meta"
    assert not hasattr(mine, "unset")
