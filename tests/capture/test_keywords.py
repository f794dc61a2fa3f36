"""A call means the same however its arguments are written: by position, by name, in any order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.analysis.step_check import check_step
from shapescope.capture.tracer import trace_model
from shapescope.trace import Step


class Calling(nn.Module):
    """A model that calls a function or a layer with its own inputs."""

    def __init__(self, what: Callable[..., Any]) -> None:
        super().__init__()
        self.what = what

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.what(*args, **kwargs)


def steps(what: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Step]:
    traced = trace_model(Calling(what), (args, kwargs))
    assert traced.trace.failure is None
    return [step for step in traced.trace.steps if step.op != "module"]


def one(size: tuple[int, ...]) -> Tensor:
    return torch.ones(size)


CALLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (F.conv2d, {"input": one((2, 3, 8, 9)), "weight": one((4, 3, 3, 2)), "stride": 2}),
    (F.conv_transpose1d, {"input": one((2, 3, 8)), "weight": one((3, 4, 3))}),
    (F.linear, {"input": one((2, 3)), "weight": one((5, 3)), "bias": one((5,))}),
    (F.bilinear, {"input1": one((2, 3)), "input2": one((2, 4)), "weight": one((5, 3, 4))}),
    (F.embedding, {"input": torch.zeros(2, 7, dtype=torch.int64), "weight": one((9, 4))}),
    (F.layer_norm, {"input": one((2, 3)), "normalized_shape": (3,), "weight": one((3,))}),
    (F.scaled_dot_product_attention,
     {"query": one((2, 5, 8)), "key": one((2, 7, 8)), "value": one((2, 7, 6))}),
    (F.cosine_similarity, {"x1": one((2, 3)), "x2": one((4, 2, 3)), "dim": 0}),
    (F.nll_loss, {"input": one((2, 5, 3)), "target": torch.zeros(2, 3, dtype=torch.int64)}),
    (torch.matmul, {"input": one((2, 3)), "other": one((3, 5))}),
    (torch.addmm, {"input": one((5,)), "mat1": one((2, 3)), "mat2": one((3, 5))}),
    (torch.outer, {"input": one((2,)), "vec2": one((5,))}),
    (torch.cdist, {"x1": one((2, 3)), "x2": one((5, 3))}),
    (torch.gather,
     {"input": one((4, 3)), "dim": 0, "index": torch.zeros(2, 3, dtype=torch.int64)}),
    (torch.tensordot, {"a": one((2, 3, 4)), "b": one((3, 4, 5)), "dims": 2}),
    (torch.linalg.solve, {"A": torch.eye(3), "B": one((3, 2))}),
    (torch.kron, {"input": one((2, 3)), "other": one((5,))}),
    (torch.where, {"condition": one((3,)) > 0, "input": one((2, 3)), "other": one((1,))}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "named"), CALLS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_function_takes_keywords_in_any_order(
    function: Callable[..., Any], named: dict[str, Any]
) -> None:
    (by_name,) = steps(function, **named)
    assert check_step(by_name).status == "match"
    shapes = [tuple(value.shape) for value in named.values() if isinstance(value, Tensor)]
    assert [spec.shape for spec in by_name.inputs] == shapes
    for order in permutations(named):
        (step,) = steps(lambda order=order: function(**{name: named[name] for name in order}))
        assert [spec.shape for spec in step.inputs] == shapes, order
        assert (step.attrs, step.outputs) == (by_name.attrs, by_name.outputs)


def test_sources_stay_with_their_inputs() -> None:
    def product(left: Tensor, right: Tensor) -> Tensor:
        rows = left.relu()
        columns = right.exp()
        return torch.matmul(other=columns, input=rows)

    rows, columns, matmul = steps(product, one((2, 3)), one((3, 5)))
    assert matmul.sources == (rows.index, columns.index)


LAYERS: list[tuple[nn.Module, dict[str, Tensor]]] = [
    (nn.MultiheadAttention(8, 2, batch_first=True),
     {"query": one((2, 5, 8)), "key": one((2, 7, 8)), "value": one((2, 7, 8))}),
    (nn.LSTM(8, 6), {"input": one((5, 2, 8)), "hx": (one((1, 2, 6)), one((1, 2, 6)))}),  # type: ignore[dict-item]
    (nn.GRU(8, 6), {"input": one((5, 2, 8)), "hx": one((1, 2, 6))}),
    (nn.LSTMCell(8, 6), {"input": one((2, 8)), "hx": (one((2, 6)), one((2, 6)))}),  # type: ignore[dict-item]
    (nn.Bilinear(3, 4, 5), {"input1": one((2, 3)), "input2": one((2, 4))}),
    (nn.CosineSimilarity(), {"x1": one((2, 3)), "x2": one((1, 3))}),
    (nn.CrossEntropyLoss(reduction="none"),
     {"input": one((2, 5, 3)), "target": torch.zeros(2, 3, dtype=torch.int64)}),
    (nn.EmbeddingBag(9, 4),
     {"input": torch.zeros(7, dtype=torch.int64), "offsets": torch.tensor([0, 3])}),
    (nn.MaxUnpool1d(2),
     {"input": one((1, 2, 4)), "indices": torch.arange(0, 16, 2).view(1, 2, 4) % 8}),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "named"), LAYERS, ids=lambda value: type(value).__name__)
def test_a_layer_takes_keywords_in_any_order(layer: nn.Module, named: dict[str, Tensor]) -> None:
    (by_position,) = steps(layer, *named.values())
    assert check_step(by_position).status == "match"
    shapes = [spec.shape for spec in by_position.inputs]
    for order in permutations(named):
        (step,) = steps(layer, **{name: named[name] for name in order})
        assert [spec.shape for spec in step.inputs] == shapes, order
        assert (step.attrs, step.outputs) == (by_position.attrs, by_position.outputs)


def test_what_a_call_writes_to_is_none_of_its_inputs() -> None:
    _, add = steps(lambda x: torch.add(x, x, out=torch.empty(0)), one((2, 3)))
    assert [spec.shape for spec in add.inputs] == [(2, 3), (2, 3)]
    assert (check_step(add).status, add.outputs[0].shape) == ("match", (2, 3))


def test_a_product_from_the_right_has_its_sides_in_order() -> None:
    (step,) = steps(lambda x, y: y.__rmatmul__(x), one((2, 3)), one((3, 5)))
    check = check_step(step)
    assert (step.op, check.status) == ("matmul", "match")
    assert check.formula == ("2 x 3 @ 3 x 5 -> 2 x 5",)
