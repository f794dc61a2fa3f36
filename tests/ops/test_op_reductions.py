"""Reductions and losses: rule against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional

AssertMatches = Callable[[str, Callable[[], Any]], None]


def rand(*shape: Any) -> Any:
    return torch.rand(*shape)


def ints(*shape: int, below: int = 2) -> Any:
    return torch.arange(torch.Size(shape).numel()).reshape(shape) % below


def bools(*shape: int) -> Any:
    return ints(*shape).bool()


CALLS: dict[str, list[Callable[[], Any]]] = {
    # reductions
    "sum": [
        lambda: rand(2, 3, 4).sum(),
        lambda: rand(2, 3, 4).sum(1),
        lambda: rand(2, 3, 4).sum((0, -1), keepdim=True),
        lambda: rand(2, 3).sum(axis=1),
        lambda: torch.sum(rand(2, 3), dim=[0, 1]),
        lambda: rand(2, 3).sum(-1, True),
    ],
    "mean": [lambda: rand(2, 3, 4).mean((1, 2)), lambda: torch.mean(rand(2, 3), 0, keepdim=True)],
    "max": [
        lambda: rand(2, 3).max(),
        lambda: rand(2, 3).max(1),
        lambda: torch.max(rand(2, 3), rand(3)),
        lambda: torch.max(rand(2, 3), dim=0, keepdim=True),
    ],
    "min": [lambda: torch.min(rand(2, 3), 1)],
    "argmax": [lambda: rand(2, 3).argmax(), lambda: rand(2, 3).argmax(1, keepdim=True)],
    "amax": [lambda: rand(2, 3, 4).amax((1, 2)), lambda: rand(2, 3).amax()],
    "aminmax": [lambda: torch.aminmax(rand(2, 3), dim=1)],
    "any": [lambda: bools(2, 3).any(1)],
    "all": [lambda: bools(2, 3).all()],
    "prod": [lambda: rand(2, 3).prod(1)],
    "std": [
        lambda: rand(2, 3).std(1),
        lambda: rand(2, 3).std(),
        lambda: torch.std(rand(2, 3), True),
    ],
    "var": [lambda: torch.var(rand(2, 3), dim=1, unbiased=False, keepdim=True)],
    "var_mean": [lambda: torch.var_mean(rand(2, 3), 1)],
    "norm": [
        lambda: rand(2, 3).norm(),
        lambda: torch.norm(rand(2, 3), dim=1),
        lambda: rand(2, 3).norm(2, -1, keepdim=True),
        lambda: torch.linalg.vector_norm(rand(2, 3), dim=1),
    ],
    "logsumexp": [lambda: torch.logsumexp(rand(2, 3), 1)],
    "median": [lambda: rand(2, 3).median(1), lambda: rand(2, 3).median()],
    "mode": [lambda: rand(2, 3).mode()],
    "kthvalue": [lambda: rand(2, 3).kthvalue(2)],
    "quantile": [
        lambda: torch.quantile(rand(2, 3), 0.5, dim=1),
        lambda: torch.quantile(rand(2, 3), torch.tensor([0.1, 0.9]), dim=0),
    ],
    "diff": [lambda: torch.diff(rand(2, 5)), lambda: rand(5, 2).diff(n=2, dim=0)],
    "trace": [lambda: torch.trace(rand(3, 3))],
    # losses
    "cross_entropy": [
        lambda: F.cross_entropy(rand(4, 3), ints(4)),
        lambda: F.cross_entropy(rand(4, 3, 5), ints(4, 5), reduction="none"),
        lambda: F.cross_entropy(rand(3), torch.tensor(1)),
        lambda: F.cross_entropy(rand(4, 3), rand(4, 3), reduction="none"),
    ],
    "nll_loss": [lambda: F.nll_loss(rand(4, 3), ints(4))],
    "mse_loss": [
        lambda: F.mse_loss(rand(4), rand(4)),
        lambda: F.mse_loss(rand(4), rand(4), reduction="none"),
    ],
    "binary_cross_entropy": [lambda: F.binary_cross_entropy(rand(4), rand(4))],
    "kl_div": [lambda: F.kl_div(rand(4, 2), rand(4, 2), reduction="batchmean")],
    "triplet_margin_loss": [
        lambda: F.triplet_margin_loss(rand(4, 3), rand(4, 3), rand(4, 3), reduction="none")
    ],
    "multi_margin_loss": [lambda: F.multi_margin_loss(rand(4, 3), ints(4), reduction="none")],
    "ctc_loss": [
        lambda: F.ctc_loss(
            rand(9, 2, 5).log_softmax(2),
            ints(2, 3, below=2) + 1,
            torch.tensor([9, 9]),
            torch.tensor([3, 3]),
            reduction="none",
        )
    ],
}

CASES = [
    pytest.param(op, call, id=f"{op}-{number}")
    for op, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.mark.parametrize(("op", "call"), CASES)
def test_reductions(assert_matches: AssertMatches, op: str, call: Callable[[], Any]) -> None:
    assert_matches(op, call)
