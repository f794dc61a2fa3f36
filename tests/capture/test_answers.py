"""Answers kept on meta: the same as torch's own, and none where there is a doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.capture.answers import Answers
from shapescope.capture.tracer import trace_model


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def kind(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device.type


class Counted:
    """A function that counts how often it really runs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.runs = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return self.function(*args, **kwargs)


@contextmanager
def quiet() -> Iterator[Answers]:
    with torch.no_grad():
        yield Answers()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Conv2d(3, 4, 3, stride=2), (2, 3, 9, 9)),
        (lambda: nn.BatchNorm2d(3).eval(), (2, 3, 9, 9)),
        (lambda: nn.BatchNorm2d(3), (2, 3, 9, 9)),
        (lambda: nn.LayerNorm(9), (2, 3, 9)),
        (lambda: nn.GELU(), (2, 3)),
        (lambda: nn.MaxPool2d(2, return_indices=True), (2, 3, 8, 8)),
        (lambda: nn.Linear(5, 7, dtype=torch.float64), (2, 3, 5)),
        (lambda: nn.LSTM(4, 6, batch_first=True), (2, 3, 4)),
    ],
)
def test_a_repeated_layer_gives_what_torch_gives(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    first, second = make().to("meta"), make().to("meta")
    dtype = next((param.dtype for param in first.parameters()), torch.float32)
    x, y = meta(*shape, dtype=dtype), meta(*shape, dtype=dtype)
    with quiet() as answers:
        answers.of_layer(first, (x,), {})
        given = answers.of_layer(second, (y,), {})
        wanted = second(y)
    given, wanted = ((one,) if isinstance(one, Tensor) else one for one in (given, wanted))
    flat = [list(map(kind, _flat(one))) for one in (given, wanted)]
    assert flat[0] == flat[1]


def _flat(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [t for one in value for t in _flat(one)]


def test_torch_is_asked_once() -> None:
    add = Counted(torch.add)
    with quiet() as answers:
        outputs = [answers.of_call(add, (meta(2, 1), meta(3)), {}) for _ in range(4)]
    assert add.runs == 1
    assert {tuple(output.shape) for output in outputs} == {(2, 3)}
    assert len({id(output) for output in outputs}) == 4


def test_strides_are_part_of_question_and_answer() -> None:
    last = meta(2, 3, 4, 4).to(memory_format=torch.channels_last)
    with quiet() as answers:
        for x in (meta(2, 3, 4, 4), last, meta(2, 3, 4, 4), last):
            assert answers.of_call(torch.sigmoid, (x,), {}).stride() == x.stride()


def test_numbers_are_told_apart_by_type() -> None:
    x = meta(3, dtype=torch.int64)
    with quiet() as answers:
        made = [answers.of_call(torch.mul, (x, factor), {}).dtype for factor in (2, 2.0, True)]
    assert made == [torch.int64, torch.float32, torch.int64]


def test_the_same_tensor_twice_is_another_question() -> None:
    function = Counted(torch.add)
    x, y = meta(3), meta(3)
    with quiet() as answers:
        answers.of_call(function, (x, x), {})
        answers.of_call(function, (x, y), {})
    assert function.runs == 2


def test_a_module_in_another_mode_or_with_other_settings_is_another_question() -> None:
    x = meta(2, 4, 9, 9)
    layers = [
        nn.Conv2d(4, 4, 3, device="meta"),
        nn.Conv2d(4, 4, 3, dilation=2, device="meta"),
        nn.Conv2d(4, 4, 3, padding=1, device="meta"),
        nn.Conv2d(4, 4, 3, stride=2, device="meta"),
    ]
    with quiet() as answers:
        sizes = [answers.of_layer(layer, (x,), {}).shape[-1] for layer in layers]
    assert sizes == [7, 5, 9, 4]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.relu_(),
        lambda x: F.relu(x, inplace=True),
        lambda x: x.view(-1),
        lambda x: x,
        lambda x: x.shape,
        lambda x: [x + 1],
        lambda x: torch.ones(2),
    ],
)
def test_what_is_no_fresh_tensor_is_asked_each_time(function: Callable[..., Any]) -> None:
    counted = Counted(function)
    with quiet() as answers:
        for _ in range(3):
            answers.of_call(counted, (meta(2, 3),), {})
    assert counted.runs == 3


@pytest.mark.parametrize(
    "arguments",
    [(torch.ones(3), 2), (meta(3), object()), (meta(3), torch.tensor(2))],
)
def test_what_cannot_be_told_apart_is_asked_each_time(arguments: tuple[Any, ...]) -> None:
    counted = Counted(lambda *given: meta(3))
    with quiet() as answers:
        for _ in range(2):
            answers.of_call(counted, arguments, {})
    assert counted.runs == 2


def test_layers_with_hooks_run_each_time() -> None:
    seen = []
    layer = nn.Linear(3, 3, device="meta")
    layer.register_forward_hook(lambda *given: seen.append(1))
    with quiet() as answers:
        for _ in range(3):
            answers.of_layer(layer, (meta(2, 3),), {})
    assert len(seen) == 3


def test_gradients_and_autocast_are_left_to_torch() -> None:
    counted = Counted(torch.sigmoid)
    answers = Answers()
    x = meta(3)
    with torch.enable_grad():
        answers.of_call(counted, (x,), {})
        answers.of_call(counted, (x,), {})
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        answers.of_call(counted, (x,), {})
    assert counted.runs == 3


def test_an_error_is_no_answer() -> None:
    with quiet() as answers:
        for _ in range(2):
            with pytest.raises(RuntimeError):
                answers.of_call(torch.matmul, (meta(2, 3), meta(2, 3)), {})


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = x + F.gelu(self.norm(self.conv(x)))
        rows = x.flatten(2).transpose(1, 2)
        rows, _ = self.attention(rows, rows, rows)
        return torch.roll(rows.transpose(1, 2).reshape(x.shape), 1, 2) * 0.5


def test_kept_answers_leave_the_same_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def trace() -> Any:
        model = nn.Sequential(*(Block() for _ in range(3))).eval()
        return trace_model(model, ((torch.ones(2, 8, 5, 5),), {})).trace

    with_answers = trace()
    monkeypatch.setattr(
        Answers, "of_layer", lambda self, module, args, kwargs: module._call_impl(*args, **kwargs)
    )
    monkeypatch.setattr(
        Answers, "of_call", lambda self, function, args, kwargs, repeats: function(*args, **kwargs)
    )
    assert with_answers == trace()
    assert with_answers.mode == "meta"


class Padded(nn.Conv2d):
    """A layer with a setting of its own that the key of a layer of torch's does not know."""

    def __init__(self, extra: int) -> None:
        super().__init__(3, 3, 3)
        self._extra = extra

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(F.pad(x, [self._extra] * 4), weight, bias)


def test_a_layer_of_the_users_own_class_runs_each_time() -> None:
    model = nn.ModuleDict({"a": Padded(1), "b": Padded(3)})

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.inner["a"](x), self.inner["b"](x)

    trace = trace_model(Both().eval(), ((torch.ones(1, 3, 8, 8),), {}), mode="meta").trace
    assert [spec.shape for spec in trace.outputs] == [(1, 3, 8, 8), (1, 3, 12, 12)]


def test_a_layer_with_a_method_of_its_own_runs_each_time() -> None:
    layer = nn.Conv2d(3, 3, 3, device="meta")
    other = nn.Conv2d(3, 3, 3, device="meta")
    vars(other)["_conv_forward"] = lambda x, weight, bias: x[:, :1]
    with quiet() as answers:
        assert answers.of_layer(layer, (meta(1, 3, 8, 8),), {}).shape == (1, 3, 6, 6)
        assert answers.of_layer(other, (meta(1, 3, 8, 8),), {}).shape == (1, 1, 8, 8)


def test_transformed_calls_are_left_to_torch() -> None:
    class Mapped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = torch.vmap(lambda row: torch.stack([row.sin(), row.sin()]))(x)
            return result

    trace = trace_model(Mapped(), ((torch.ones(5, 3),), {})).trace
    assert trace.mode == "meta"
    assert [spec.shape for spec in trace.outputs] == [(5, 2, 3)]


def test_the_default_dtype_is_part_of_the_question() -> None:
    whole = meta(2, dtype=torch.int64)
    before = torch.get_default_dtype()
    with quiet() as answers:
        assert answers.of_call(torch.true_divide, (whole, 2), {}).dtype == torch.float32
        torch.set_default_dtype(torch.float64)
        try:
            assert answers.of_call(torch.true_divide, (whole, 2), {}).dtype == torch.float64
        finally:
            torch.set_default_dtype(before)


@pytest.mark.parametrize(
    "make", [lambda: nn.ReLU(inplace=True), lambda: nn.Dropout().eval(), lambda: nn.Identity()]
)
def test_a_layer_that_gives_what_it_is_given_is_asked_once(make: Callable[[], nn.Module]) -> None:
    layer, runs = make(), []
    forward = type(layer).forward
    with quiet() as answers, pytest.MonkeyPatch.context() as patch:

        def counted(*given: Any) -> Any:
            runs.append(1)
            return forward(*given)

        counted.__module__ = forward.__module__
        patch.setattr(type(layer), "forward", counted)
        for x in (meta(2, 3), meta(2, 3), meta(2, 3)):
            assert answers.of_layer(layer, (x,), {}) is x
    assert len(runs) == 1


def test_a_layer_in_place_is_asked_of_what_inference_made() -> None:
    layer = nn.ReLU(inplace=True)
    with torch.inference_mode():
        made = meta(2, 3)
    with quiet() as answers:
        answers.of_layer(layer, (meta(2, 3),), {})
        with pytest.raises(RuntimeError, match="inference"):
            answers.of_layer(layer, (made,), {})
