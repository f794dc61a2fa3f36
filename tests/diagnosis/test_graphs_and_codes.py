"""Models whose rows are no samples, or lie sample by sample: right, and told nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import shapescope


def rules(module: nn.Module, *sizes: tuple[int, ...]) -> list[str]:
    return [one.rule for one in shapescope.trace(module, input_size=list(sizes)).diagnostics]


class Convolved(nn.Module):
    """Features of nodes, spread over their edges."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)
        self.how = how

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        h = self.fc(x)
        if self.how == "scaled":
            near = adj + torch.eye(adj.size(0))
            return torch.mm(near / near.sum(1, keepdim=True), h)
        if self.how == "attention":
            near = (h @ h.t()).masked_fill(adj < 0.5, -1e9).softmax(1)
            return near @ h
        return adj @ h


class AdjacencyFirst(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.inner = Convolved(how)

    def forward(self, adj: Tensor, x: Tensor) -> Tensor:
        return self.inner(x, adj)


class Mixed(nn.Module):
    """A second square input that is no adjacency: samples are mixed all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        h = self.fc(x) + other.mean(1, keepdim=True)
        return h.softmax(0)


@pytest.mark.parametrize("how", ["plain", "scaled", "attention"])
def test_the_nodes_of_a_graph_are_no_batch(how: str) -> None:
    assert rules(Convolved(how), (7, 12), (7, 7)) == []
    assert rules(AdjacencyFirst(how), (7, 7), (7, 12)) == []


def test_a_square_input_alone_makes_no_graph() -> None:
    assert rules(Mixed(), (7, 12), (7, 7)) == ["batch-read-across"]


class Passing(nn.Module):
    """Messages along edges, or rows picked by numbers that are no edges."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges
        h = self.fc(x)
        sent = h.index_select(0, source)
        return torch.zeros_like(h).index_add(0, target, sent)


def test_ends_of_edges_make_a_graph() -> None:
    edges = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]])
    result = shapescope.trace(Passing(), input_data=(torch.randn(5, 12), edges))
    assert [one.rule for one in result.diagnostics] == []


def test_columns_of_numbers_are_no_edges() -> None:
    class Picked(Passing):
        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            return self.fc(x).index_select(0, edges[:, 0])

    picked = torch.tensor([[1, 0], [2, 0], [0, 0], [4, 0], [3, 0]])
    result = shapescope.trace(Picked(), input_data=(torch.randn(5, 12), picked))
    assert [one.rule for one in result.diagnostics] == ["batch-read-across"]


class Quantized(nn.Module):
    """The nearest row of a table for each place, as a number, before the reconstruction."""

    def __init__(self, alone: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 3)
        self.alone = alone

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        flat = x.permute(0, 2, 3, 1).reshape(-1, 3)
        codes = torch.cdist(flat, self.table.weight).argmin(1)
        if self.alone:
            return (codes,)
        n, _, h, w = x.shape
        return codes, self.table(codes).view(n, h, w, 3).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("alone", "told"), [(False, []), (True, ["batch-folded"])])
def test_codes_beside_what_keeps_the_batch_lose_nothing(alone: bool, told: list[str]) -> None:
    found = rules(Quantized(alone), (2, 3, 4, 4))
    assert [rule for rule in found if rule != "layer-never-called"] == told


class Attending(nn.Module):
    """Graph attention: the scores are sums of both ends of an edge."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.end = nn.Linear(12, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        h = self.fc(x)
        scores = self.end(h).unsqueeze(1) + self.end(h).unsqueeze(0)
        weights = scores.masked_fill(adj.unsqueeze(-1) == 0, -1e9).softmax(1)
        return torch.einsum("ijh,jd->id", weights, h)


class Views(nn.Module):
    """Two views of each sample, and the score of each with each."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        both = self.fc(torch.cat([one, two], dim=0))
        return both @ both.t()


class Prototypes(nn.Module):
    """Queries against the mean of each class of a support."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, support: Tensor, query: Tensor) -> Tensor:
        means = self.fc(support).view(3, -1, 4).mean(1)
        return -(self.fc(query)[:, None] - means).square().sum(-1)


class Stacked(nn.Module):
    """Two views joined along the batch, and rows of both given back."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        return self.fc(torch.cat([one, two], dim=0))


@pytest.mark.parametrize(
    ("model", "sizes", "said"),
    [
        (Attending(), ((7, 12), (7, 7)), []),
        (Views(), ((4, 12), (4, 12)), []),
        (Prototypes(), ((6, 12), (9, 12)), []),
        (Stacked(), ((4, 12), (4, 12)), ["batch-joined"]),
    ],
)
def test_rows_that_are_meant_to_meet(
    model: nn.Module, sizes: tuple[tuple[int, ...], ...], said: list[str]
) -> None:
    assert rules(model, *sizes) == said
