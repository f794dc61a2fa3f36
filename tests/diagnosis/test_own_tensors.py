"""The batch of models that are given live tensors, which have a batch as much as sizes do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope import trace
from shapescope.capture.subject import rebatched


class Reader(nn.Module):
    """A recogniser of text as people write it: time first, the head on all steps at once."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, stride=(32, 2), padding=1)
        self.rnn = nn.LSTM(8, 6, bidirectional=True)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).squeeze(2).permute(2, 0, 1)
        out, _ = self.rnn(x)
        time, batch, features = out.size()
        scores = self.head(out.view(time * batch, features))
        return F.log_softmax(scores.view(time, batch, -1), dim=2)


class Quantiser(nn.Module):
    """Codes of a table in place of the pixels' features, the loss given first."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(16, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows = x.permute(0, 2, 3, 1).contiguous()
        flat = rows.view(-1, 6)
        codes = torch.cdist(flat, self.table.weight).argmin(1)
        found = self.table(codes).view(rows.shape)
        return F.mse_loss(found, rows), found.permute(0, 3, 1, 2)


class Folds(nn.Module):
    """The fault itself: rows that belong to no sample."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(x.view(-1, 16))
        return scores


class OneSize(nn.Module):
    """A state for a batch of four."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(6, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.rnn(x, torch.zeros(1, 4, 6))[0]
        return out


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_time_in_front_is_told_of_live_tensors_as_of_sizes(batch: int) -> None:
    sizes = batch, 1, 32, 100
    named = trace(Reader(), input_size=sizes).diagnostics
    live = trace(Reader(), input_data=torch.rand(sizes)).diagnostics
    assert [(one.rule, str(one.severity)) for one in named] == [("batch-axis-moved", "note")]
    assert live == named


def test_a_loss_given_first_hides_no_output_that_keeps_the_batch() -> None:
    for given in ({"input_size": (4, 6, 8, 8)}, {"input_data": torch.rand(4, 6, 8, 8)}):
        assert trace(Quantiser(), **given).diagnostics == ()


def test_a_loss_given_first_hides_no_fold() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(16, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            scores = self.fc(x.view(-1, 16))
            return scores.square().mean(), scores

    found = trace(Both(), input_data=torch.rand(4, 8, 8)).diagnostics
    assert [one.rule for one in found] == ["batch-folded"]


def test_a_fold_of_live_tensors_is_still_told() -> None:
    found = trace(Folds(), input_data=torch.rand(4, 8, 8)).diagnostics
    assert [one.rule for one in found] == ["batch-folded"]


def test_one_live_tensor_shows_a_model_for_one_batch_size() -> None:
    found = trace(OneSize(), input_data=torch.rand(4, 5, 6)).diagnostics
    assert [one.rule for one in found] == ["batch-size-only"]


def test_several_live_tensors_that_do_not_fit_another_batch_prove_nothing() -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x: Tensor, edges: Tensor, weights: Tensor) -> Tensor:
            messages = self.fc(x)[edges[0]] * weights[:, None]
            sums: Tensor = torch.zeros(5, 2).index_add(0, edges[1], messages)
            return sums.mean(0, keepdim=True)

    edges = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]])
    found = trace(Graph(), input_data=[torch.rand(5, 3), edges, torch.rand(5)]).diagnostics
    assert "batch-size-only" not in {one.rule for one in found}


def test_another_batch_repeats_or_leaves_out_samples() -> None:
    x = torch.arange(3.0)[:, None]
    state = torch.arange(6.0).reshape(1, 3, 2)
    table = torch.rand(4, 4)
    made = rebatched(((x, {"state": state}), {"table": table, "flag": True}), 5)
    assert made is not None
    (rows, held), kept = made
    assert rows.flatten().tolist() == [0, 1, 2, 0, 1]
    assert held["state"].shape == (1, 5, 2)
    assert kept["table"] is table
    assert kept["flag"] is True
    assert rebatched(((torch.tensor(1.0),), {}), 5) is None
