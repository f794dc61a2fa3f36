from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from shapescope.api import trace
from shapescope.render.rows import MANY_ROWS, RowOptions, make_rows
from shapescope.result import TraceResult
from shapescope.trace import Trace


def shown(result: TraceResult, options: RowOptions | None = None) -> list[tuple[str, str, int]]:
    """Label, op and depth of each row."""
    rows = make_rows(result, options).rows
    return [(row.label, row.step.op if row.step else "identity", row.depth) for row in rows]


def test_the_documents_table_row_for_row(network: TraceResult) -> None:
    assert shown(network) == [
        ("t", "identity", 0),
        ("conv1", "conv2d", 0),
        ("", "max_pool2d", 0),
        ("conv2", "conv2d", 0),
        ("", "max_pool2d", 0),
        ("", "reshape", 0),
        ("fc1", "linear", 0),
        ("fc2", "linear", 0),
        ("out", "linear", 0),
    ]


def test_every_step_is_shown_folded_or_hidden(network: TraceResult) -> None:
    rows = make_rows(network)
    in_rows = [step.index for row in rows.rows for step in row.steps]
    leaves = [step.index for step in network.trace.leaves]
    assert sorted(in_rows) == leaves
    assert [step.op for step in rows.folded] == ["relu"] * 4


def test_all_gives_each_step_its_row(network: TraceResult) -> None:
    rows = make_rows(network, RowOptions(all_steps=True))
    assert [row.step.op for row in rows.rows if row.step] == [
        step.op for step in network.trace.leaves
    ]
    assert rows.folded == rows.hidden == ()


def test_depth_collapses(traced: Callable[..., TraceResult]) -> None:
    rows = make_rows(traced("lenet5"), RowOptions(depth=1)).rows
    assert [row.label for row in rows] == [
        "x", "layer1", "layer2", "", "fc", "fc1", "fc2",
    ]  # fmt: skip
    assert not any(row.heading for row in rows)
    assert [row.heading for row in make_rows(traced("lenet5"), RowOptions(depth=2)).rows].count(
        True
    ) == 2


def test_depth_folds_what_any_table_folds(traced: Callable[..., TraceResult]) -> None:
    result = traced("lenet5")
    deep = make_rows(result, RowOptions(depth=9))
    assert deep == make_rows(result)
    assert [step.path for step in make_rows(result, RowOptions(depth=1)).folded] == [
        "relu", "relu1",
    ]  # fmt: skip
    every = make_rows(result, RowOptions(all_steps=True, depth=1))
    assert every.folded == ()
    assert [row.label for row in every.rows][-3:] == ["fc1", "relu1", "fc2"]


class Branches(nn.Module):
    """relu on a tensor that two steps made use of in between: it must not join another's row."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4)
        self.two = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.one(x)
        b = self.two(x)
        zero = torch.zeros(4)
        return torch.relu(a) + torch.sigmoid(b) + zero


def test_only_what_follows_at_once_is_folded() -> None:
    rows = make_rows(trace(Branches(), (1, 4)))
    ops = [[step.op for step in row.steps] for row in rows.rows if row.steps]
    assert ops == [["linear"], ["linear"], ["relu"], ["sigmoid"], ["add"], ["add"]]
    assert [step.op for step in rows.hidden] == ["zeros"]


def test_what_fails_has_a_row_of_its_own(broken: TraceResult) -> None:
    last = make_rows(broken).rows[-1]
    assert broken.trace.failure is not None
    assert last.step is not None
    assert last.step.index == broken.trace.failure.step
    assert last.label == "fc"


class Stack(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) for _ in range(count)),
            nn.Sequential(nn.Linear(4, 2)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x)


def test_equal_blocks_are_shown_once_if_asked() -> None:
    result = trace(Stack(5), (1, 4))
    rows = make_rows(result, RowOptions(fold=True))
    block = next(row for row in rows.rows if row.times > 1)
    assert (block.label, block.last_label, block.times) == ("0", "4", 5)
    assert rows.repeated == 4
    assert make_rows(result).repeated == 0


def test_long_tables_fold_by_themselves() -> None:
    many = trace(Stack(MANY_ROWS), (1, 4))
    assert make_rows(many).repeated == MANY_ROWS - 1
    assert len(make_rows(many, RowOptions(fold=False)).rows) > MANY_ROWS


def test_blocks_of_other_width_are_not_equal() -> None:
    layers = [nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 4, bias=False))]
    rows = make_rows(trace(nn.Sequential(*layers), (1, 4)), RowOptions(fold=True))
    assert rows.repeated == 0


def test_any_depth_of_nesting(chain: Callable[..., Trace]) -> None:
    names = [f"m{number}" for number in range(1500)]
    rows = make_rows(TraceResult(chain(*names)), RowOptions(fold=False)).rows
    assert rows[-1].depth == 1500
    assert rows[-1].label == "0"


def test_a_loss_stands_behind_the_model(traced: Callable[..., TraceResult]) -> None:
    from shapescope.session import Request, run_trace

    result = run_trace(Request("network", target="1:int64<10", loss="cross_entropy"))
    rows = make_rows(result).rows
    assert [row.depth for row in rows] == [0] * len(rows)
    assert rows[-1].step is not None
    assert rows[-1].step.op == "cross_entropy"
    assert [row.label for row in rows[:-1]] == [row[0] for row in shown(traced("network"))]


class Scan(nn.Module):
    """A state is carried along: the same steps for every place of the sequence."""

    def __init__(self, drop: int = -1, fail: int = -1) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.drop, self.fail = drop, fail

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = x.mean(1)
        for place in range(x.shape[1]):
            picked = x[:, place] * 2
            if place == self.drop:
                picked = picked[:, :2]
            state = torch.cat([picked, state], int(place != self.fail))[:, :4]
            state = state @ state.T @ state
        out: torch.Tensor = self.fc(state)
        return out


def test_rounds_of_a_long_loop_are_shown_once() -> None:
    result = trace(Scan(), (1, 50, 4))
    rows = make_rows(result)
    heading = next(row for row in rows.rows if row.round_of)
    assert (heading.times, heading.round_of) == (50, 7)
    assert (rows.rounds, rows.repeated) == (49, 0)
    assert len(rows.rows) < 15
    text = str(result).split("\n")
    assert any("round of 7 steps x 50" in line for line in text)
    assert "49 rounds like the first of its loop counted, not shown" in " ".join(text)
    assert make_rows(result, RowOptions(fold=False)).rounds == 0


def test_a_round_unlike_the_others_ends_a_run() -> None:
    rows = make_rows(trace(Scan(drop=30), (1, 50, 4)))
    assert [row.times for row in rows.rows if row.round_of] == [30, 19]


def test_a_loop_that_fails_shows_where() -> None:
    result = trace(Scan(drop=30, fail=30), (1, 50, 4))
    failed = result.trace.failure
    assert failed is not None
    shown_steps = [row.step.index for row in make_rows(result).rows if row.step]
    assert failed.step in shown_steps


def test_what_a_mask_picks_differs_from_round_to_round() -> None:
    class Near(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            far = torch.full_like(x, 9.0)
            for place in range(40):
                gap = (x - x[place]).abs()
                near = gap < far
                far[near] = gap[near]
            return far

    torch.manual_seed(0)
    rows = make_rows(trace(Near(), input_data=torch.randn(40)))
    assert [row.times for row in rows.rows if row.round_of] == [40]
