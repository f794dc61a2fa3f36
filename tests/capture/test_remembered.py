"""What one pass learns from torch holds for the next one, and only for as long as it is true."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapescope.capture.answers import Answers
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.remembered import Remembered
from shapescope.capture.tracer import trace_model


def meta(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def given(model: nn.Module, *shape: int) -> list[tuple[int | str, ...]]:
    """The shapes of the outputs of a trace, which remembers what the ones before it learnt."""
    traced = trace_model(model, (InputSpec(shape),), mode="meta")
    assert traced.trace.failure is None
    return [spec.shape for spec in traced.trace.outputs]


def runs_of(name: str, call: Callable[[], Any]) -> int:
    """How often functions of Python's of this name run."""
    count = 0

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_name == name

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(before)
    return count


def test_torch_is_asked_once_in_two_passes() -> None:
    remembered, layer = Remembered(), nn.Linear(4, 5, device="meta")

    def one_pass() -> None:
        with torch.no_grad():
            made = Answers(remembered).of_layer(layer, (meta(3, 4),), {})
        assert tuple(made.shape) == (3, 5)

    assert [runs_of("forward", one_pass) for _ in range(3)] == [1, 0, 0]


def test_without_a_memory_torch_is_asked_in_each_pass() -> None:
    layer = nn.Linear(4, 5, device="meta")

    def one_pass() -> None:
        with torch.no_grad():
            Answers().of_layer(layer, (meta(3, 4),), {})

    assert [runs_of("forward", one_pass) for _ in range(2)] == [1, 1]


def halved(_: Any, x: Tensor, *more: Any) -> Tensor:
    return x[: x.shape[0] // 2] * 1


def test_a_class_with_another_forward_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.GELU())
    assert given(model, 4, 3) == [(4, 3)]
    with monkeypatch.context() as patch:
        patch.setattr(nn.GELU, "forward", halved)
        assert given(model, 4, 3) == [(2, 3)]
    assert given(model, 4, 3) == [(4, 3)]


def test_a_method_of_a_base_class_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv1d(3, 4, 1))
    assert given(model, 4, 3, 5) == [(4, 4, 5)]
    with monkeypatch.context() as patch:
        patch.setattr(nn.Conv1d, "_conv_forward", halved)
        assert given(model, 4, 3, 5) == [(2, 3, 5)]
    assert given(model, 4, 3, 5) == [(4, 4, 5)]


def test_a_function_that_layers_call_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.GELU())
    assert given(model, 6, 3) == [(6, 3)]
    with monkeypatch.context() as patch:
        patch.setattr(F, "gelu", lambda x, approximate: x[:1] * 1)
        assert given(model, 6, 3) == [(1, 3)]
    assert given(model, 6, 3) == [(6, 3)]


class _Halving(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        return halved(None, made) if func is torch.sigmoid else made


class Sigmoid(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


def test_a_mode_of_the_users_is_asked_first() -> None:
    assert given(Sigmoid(), 8, 3) == [(8, 3)]
    with _Halving():
        assert given(Sigmoid(), 8, 3) == [(4, 3)]
    assert given(Sigmoid(), 8, 3) == [(8, 3)]


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([super().forward(x)] * 2, dim=-1)


def _other_settings(model: nn.Sequential) -> None:
    layer: Any = model[0]
    layer.dilation = (2,)


def _other_weights(model: nn.Sequential) -> None:
    layer: Any = model[0]
    layer.weight = nn.Parameter(torch.zeros(7, 4, 3))
    layer.bias = None


def _a_hook(model: nn.Sequential) -> None:
    model[0].register_forward_hook(lambda module, inputs, output: output[..., :1])


def _a_forward_of_its_own(model: nn.Sequential) -> None:
    model[0].forward = lambda x: x[..., :2] * 1


def _another_layer(model: nn.Sequential) -> None:
    model[0] = Doubled(9, 9)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (_other_settings, (2, 6, 5)),
        (_other_weights, (2, 7, 7)),
        (_a_hook, (2, 6, 1)),
        (_a_forward_of_its_own, (2, 4, 2)),
        (_another_layer, (2, 4, 18)),
    ],
)
def test_a_model_that_was_changed_is_seen_as_it_is(
    change: Callable[[nn.Sequential], None], wanted: tuple[int, ...]
) -> None:
    model = nn.Sequential(nn.Conv1d(4, 6, 3))
    assert given(model, 2, 4, 9) == [(2, 6, 7)]
    change(model)
    assert given(model, 2, 4, 9) == [wanted]


def test_training_is_another_question() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3))
    assert trace_model(model, (InputSpec((1, 3)),), mode="meta").trace.failure is None
    training = trace_model(model, (InputSpec((1, 3)),), mode="meta", train=True).trace
    assert training.failure is not None
    assert training.failure.exception == "ValueError"


class Owned:
    """Something of the user's that a layer carries along."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Owned:
        return self


def test_nothing_of_a_model_is_kept_alive() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    owned = Owned()
    model[0].__dict__["tag"] = owned
    assert given(model, 2, 3) == [(2, 4)]
    alive = weakref.ref(owned)
    del model, owned
    gc.collect()
    assert alive() is None
