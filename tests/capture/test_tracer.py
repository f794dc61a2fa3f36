"""The choice of the way: meta first, more only where it is needed, and the CPU decides."""

from __future__ import annotations

import logging
import weakref
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.capture.inputs import InputSpec
from shapescope.capture.loader import load
from shapescope.capture.subject import Arguments
from shapescope.capture.traced import Target, Traced
from shapescope.capture.tracer import trace_model
from shapescope.collection import collection_waits
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import verify


class Calls(nn.Module):
    """Runs any function of the input as a forward."""

    def __init__(self, function: Any, **children: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, child in children.items():
            self.add_module(name, child)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def trace(function: Any, *shape: int, **options: Any) -> Traced:
    traced = trace_model(Calls(function), (InputSpec(shape),), **options)
    verify(traced.trace)
    return traced


def test_shapes_need_no_values() -> None:
    traced = trace(lambda self, x: F.relu(x).sum(1), 2, 3)
    assert traced.trace.mode == "meta"
    assert traced.notes == ()


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: x[: int((x > -100).sum().item())],
        lambda self, x: x * 2 if x.mean() < 100 else x,
        lambda self, x: torch.as_tensor(x.numpy() * 2),
        lambda self, x: torch.nonzero(x > 0).float().sum(0),
    ],
)
def test_control_flow_on_values_needs_real_tensors(function: Any) -> None:
    traced = trace(function, 4, 3)
    assert traced.trace.failure is None
    assert traced.trace.mode == "real"
    assert "real CPU tensors were used" in traced.notes[-1]


def test_a_long_reason_is_cut_between_words() -> None:
    reason = "numbers " * 20

    def refuse(self: nn.Module, x: Tensor) -> Tensor:
        if x.is_meta:
            raise RuntimeError(reason)
        return x * 2

    kept = " ".join(["numbers"] * 12)
    (note,) = trace(refuse, 4, 3).notes
    assert note == f"meta could not ({kept} ...); fake tensors were used"


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda self, x: x + x[0].tolist()[0], (4, 3)),
        (lambda self, x: x if x.device.type == "cpu" else x.missing, (4, 3)),
    ],
)
def test_fake_tensors_do_where_meta_cannot_and_values_do_not_matter(
    function: Any, shape: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    traced = trace(function, 4, 3)
    assert traced.trace.failure is None
    assert traced.trace.mode == "fake"
    assert traced.trace.outputs[0].shape == shape
    assert "fake tensors were used" in traced.notes[-1]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_failure_is_confirmed_and_reported_as_meta_saw_it() -> None:
    traced = trace_model(nn.Linear(4, 2), (InputSpec((1, 5)),))
    assert traced.trace.mode == "meta"
    assert traced.trace.failure is not None
    assert traced.trace.failure.step == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: F.conv2d(x, x.new_zeros(1, 3, 3, 3), dilation=0),
        lambda self, x: F.conv2d(x, x.new_zeros(1, 3, 3, 3), padding=-1),
        lambda self, x: F.conv2d(x.repeat(1, 2, 1, 1)[:, :4], x.new_zeros(3, 2, 3, 3), groups=2),
        lambda self, x: F.unfold(x, 2, padding=-1),
    ],
)
def test_what_meta_lets_pass_and_a_cpu_refuses_is_a_failure(function: Any) -> None:
    traced = trace(function, 1, 3, 8, 8)
    assert traced.trace.failure is not None
    assert traced.trace.failure.step == traced.trace.steps[-1].index
    assert traced.trace.outputs == ()


def test_a_large_model_is_not_run_to_confirm_a_failure() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        raise ValueError(f"no more than {self.fc(x).numel()}")

    with torch.device("meta"):
        model = Calls(forward, fc=nn.Linear(100_000, 100_000))
    traced = trace_model(model, (InputSpec((1, 100_000)),))
    assert traced.trace.failure is not None
    assert traced.trace.failure.message == "no more than 100000"
    assert traced.notes == ("too large to confirm the failure on real tensors",)


def test_what_our_own_rules_refuse_needs_no_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: object, values: bool = False) -> None:
        raise AssertionError("a real run")

    monkeypatch.setattr("shapescope.capture.tracer._Tracer.real", never)
    traced = trace_model(nn.Linear(4, 2), (InputSpec((1, 5)),))
    assert traced.trace.failure is not None


def test_values_are_real_and_in_step() -> None:
    traced = trace(lambda self, x: F.relu(x * 3), 4, 5, values=True)
    assert traced.trace.mode == "real"
    scaled, lifted = traced.values[1], traced.values[2]
    assert scaled is not None and lifted is not None
    assert scaled.minimum < 0
    assert lifted.minimum == 0.0
    assert lifted.maximum == scaled.maximum


def test_training_mode_is_asked_for() -> None:
    norm = nn.BatchNorm1d(4).train()
    kept = trace_model(norm, (InputSpec((1, 4)),))
    assert kept.trace.failure is None
    trained = trace_model(norm, (InputSpec((1, 4)),), train=True)
    assert trained.trace.failure is not None
    assert norm.training
    assert norm.num_batches_tracked == 0


def test_a_target_and_a_loss_are_the_last_step() -> None:
    target = Target(InputSpec((2,), "int64"), "cross_entropy")
    traced = trace_model(nn.Linear(4, 3), (InputSpec((2, 4)),), target=target)
    assert traced.trace.steps[-1].op == "cross_entropy"
    wrong = Target(InputSpec((3,), "int64"), "cross_entropy")
    traced = trace_model(nn.Linear(4, 3), (InputSpec((2, 4)),), target=wrong)
    assert traced.trace.failure is not None
    assert traced.trace.failure.step == traced.trace.steps[-1].index == 1


def test_inputs_may_be_tensors_which_stay_as_they_are() -> None:
    x = torch.randn(2, 4, requires_grad=True)
    traced = trace_model(
        Calls(lambda self, a, b: a.detach().add_(1) + b["k"]), ((x,), {"b": {"k": x}})
    )
    assert traced.trace.failure is None
    assert traced.trace.mode == "meta"
    assert [spec.name for spec in traced.trace.inputs] == ["input0", "b"]
    assert x.device.type == "cpu" and x.grad_fn is None


def test_real_values_cannot_come_from_meta_inputs() -> None:
    inputs: Arguments = ((torch.empty(2, 3, device="meta"),), {})
    assert trace_model(nn.Linear(3, 4), inputs, mode="meta").trace.failure is None
    with pytest.raises(ShapescopeError, match=r"^an input of 2 x 3 is on meta and holds no values"):
        trace_model(nn.Linear(3, 4), inputs, mode="real")


def test_a_wrapper_is_looked_through() -> None:
    assert trace_model(nn.DataParallel(nn.Linear(4, 2)), (InputSpec((1, 4)),)).trace.model


@pytest.mark.parametrize("mode", ["meta", "fake", "real"])
def test_each_way_gives_the_same_steps(mode: str) -> None:
    loaded = load("network")
    traced = trace_model(loaded, loaded.default_inputs, mode=mode)
    verify(traced.trace)
    assert traced.trace.mode == mode
    assert [step.op for step in traced.trace.steps] == [
        "module", "conv2d", "relu", "max_pool2d", "conv2d", "relu", "max_pool2d", "reshape",
        "linear", "relu", "linear", "relu", "linear",
    ]  # fmt: skip
    assert traced.trace.outputs[0].shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("cifar-cnn", [30, 28, 14, 12, 10, 5]),
        ("lenet5", [28, 14, 10, 5]),
        ("lenet5-tanh", [28, 14, 10, 5, 1]),
        ("network", [24, 12, 8, 4]),
        ("mnist-cnn", [28, 14, 14, 7]),
    ],
)
def test_the_document_networks_have_their_documents_sizes(name: str, shapes: list[int]) -> None:
    loaded = load(name)
    traced = trace_model(loaded, loaded.default_inputs)
    verify(traced.trace)
    windowed = [
        step.outputs[0].shape[-1]
        for step in traced.trace.leaves
        if step.op in ("conv2d", "max_pool2d", "avg_pool2d")
    ]
    assert windowed == shapes
    assert all(step.call_site is not None for step in traced.trace.leaves)
    assert all(step.defined_at is not None for step in traced.trace.leaves if step.kind == "module")


def test_a_failed_pass_keeps_no_copy_of_the_model() -> None:
    """A traceback holds the frames of the pass, they the model: garbage that waits for long."""

    class Seen:
        """What a pass leaves here stays, while lists are put back as they were."""

        __slots__ = ("copy",)
        copy: weakref.ref[nn.Module]

    seen = Seen()

    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.copy = weakref.ref(self)
            try:
                return x.view(5, 7)
            except RuntimeError as error:
                raise ValueError("no view") from error

    model = Failing()
    with collection_waits():
        traced = trace_model(model, ((torch.ones(2, 3),), {}), mode="real")
        assert traced.trace.failure is not None
        assert traced.trace.failure.exception == "ValueError"
        assert traced.trace.failure.call_site is not None
        assert seen.copy() is None


def test_what_meta_let_pass_before_it_failed_is_where_the_model_fails() -> None:
    class Masked(nn.Module):
        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            x = x.clone()
            x[mask] = 0.0
            return x[~mask]

    specs = (InputSpec((1, 8)), InputSpec((1, 16), "bool"))
    done = trace_model(Masked(), specs).trace
    assert done.mode == "real"
    assert done.failure is not None
    assert done.failure.step is not None
    assert done.steps[done.failure.step].op == "setitem"
