"""Sizes of models whose batch is not the first axis of everything: graphs, losses, gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError
from shapescope.render.line import plain_text
from shapescope.render.sizes import sizes_lines
from shapescope.render.theme import Surface
from shapescope.sizing import valid_sizes
from shapescope.valid_sizes import ValidSizes


def sizes(model: nn.Module, *shapes: Sequence[int]) -> ValidSizes:
    return valid_sizes(model.eval(), [InputSpec(tuple(shape)) for shape in shapes])


class GraphLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 3))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        made = torch.mm(x, self.weight)
        scores = torch.where(adjacency > 0, made @ made.T, torch.full_like(adjacency, -9e15))
        return torch.softmax(scores, 1) @ made


def test_an_adjacency_is_as_wide_as_the_graph_has_nodes() -> None:
    found = sizes(GraphLayer(), (20, 5), (20, 20))
    assert found.as_asked_fits
    assert found.axes == ()
    assert len(found.valid) == 1


def test_both_axes_of_an_adjacency_have_the_name_of_the_batch() -> None:
    inputs = (InputSpec((20, 5)), InputSpec((20, 20)))
    trace = trace_model(GraphLayer(), inputs, mode="symbolic").trace
    assert [spec.shape for spec in trace.inputs] == [("N", 5), ("N", "N")]
    assert [spec.shape for spec in trace.outputs] == [("N", 3)]


def test_a_sparse_adjacency_is_left_open_too() -> None:
    class Sparse(GraphLayer):
        def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
            return torch.spmm(adjacency, x @ self.weight)

    given: Any = ((torch.randn(20, 5), torch.eye(20).to_sparse()), {})
    trace = trace_model(Sparse(), given, mode="symbolic").trace
    assert trace.failure is None
    assert trace.outputs[0].shape == ("N", 3)


def test_a_square_input_with_features_of_its_own_is_no_adjacency() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(6, 2), nn.Linear(4, 2)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            made: Tensor = self.left(left) + self.right(right)
            return made

    assert sizes(Two(), (4, 6), (4, 4)).inputs[1].shape == (4, 4)
    assert sizes(Two(), (4, 6), (4, 4)).as_asked_fits


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.gate = nn.Parameter(torch.zeros(7))


def test_a_loss_beside_an_output_keeps_no_batch() -> None:
    class WithLoss(Autoencoder):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            made = self.conv(x)
            return F.mse_loss(made, x), made

    assert sizes(WithLoss(), (2, 1, 8, 8)).as_asked_fits


def test_a_loss_alone_fits_nothing() -> None:
    class LossAlone(Autoencoder):
        def forward(self, x: Tensor) -> Tensor:
            return F.mse_loss(self.conv(x), x)

    found = sizes(LossAlone(), (2, 1, 8, 8))
    assert not found.valid
    assert found.without_batch == ()


def test_where_an_output_is_of_no_sample_that_is_said() -> None:
    class WithGate(Autoencoder):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.conv(x), torch.sigmoid(self.gate)

    found = sizes(WithGate(), (2, 1, 8, 8))
    assert not found.valid
    assert found.without_batch == (7,)
    text = plain_text(sizes_lines(found, Surface(width=80)))
    assert "no size keeps the batch as axis 0: 7 comes out" in text
    assert "does not fit" not in text


def test_a_model_that_fails_is_not_said_to_run() -> None:
    class Wrong(Autoencoder):
        def forward(self, x: Tensor) -> Tensor:
            return self.conv(torch.cat([x, x], 1))

    assert sizes(Wrong(), (2, 1, 8, 8)).without_batch is None


@pytest.mark.parametrize("draw", [lambda count: torch.randint(9, count),
                                  lambda count: torch.randint(0, 9, count)])  # fmt: skip
def test_random_indices_keep_the_formula_of_their_count(
    draw: Callable[[tuple[int]], Tensor],
) -> None:
    class Seeds(Autoencoder):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            places = torch.zeros(x.shape[0], 3, dtype=torch.long)
            places[:, 0] = draw((x.shape[0],))
            return self.conv(x), places

    found = sizes(Seeds(), (2, 1, 8, 8))
    assert found.as_asked_fits
    assert found.searched_to is None


def test_a_row_times_a_matrix_of_the_model_keeps_the_batch() -> None:
    """`x @ A` asks whether the batch is 1; that fixes no size."""

    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(50, 6)
            self.matrix = nn.Parameter(torch.randn(6, 2))

        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            words = self.table(ids) * mask.unsqueeze(-1)
            return words[:, 0] @ self.matrix

    given = [InputSpec((2, 9), "int64", bound=50), InputSpec((2, 9), "int64", bound=2)]
    found = valid_sizes(Adapted().eval(), given)
    assert [free.name for free in found.axes] == ["T", "T1"]
    assert found.as_asked_fits


def test_where_a_search_ended_is_no_size_to_be_built_for() -> None:
    class ByValues(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(1, 2)

        def forward(self, x: Tensor) -> Tensor:
            made = torch.zeros(x.shape[0], 2)
            for row in (x.sum(1) > 0).nonzero()[:, 0].tolist():
                made[row] = self.fc(x[row].mean().view(1))
            return made

    found = sizes(ByValues(), (4, 16))
    assert found.searched_to is not None
    assert found.as_asked_fits
    assert found.built_for is None


def test_what_fits_nearly_everything_was_built_for_none_of_it() -> None:
    class Places(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 32, stride=32)
            self.rows = nn.Parameter(torch.rand(4, 50, 1))
            self.columns = nn.Parameter(torch.rand(4, 1, 50))

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.conv(x)
            height, width = made.shape[-2:]
            return made + self.rows[:, :height] + self.columns[..., :width]

    found = sizes(Places(), (1, 3, 256, 256))
    assert found.as_asked_fits
    assert found.built_for is None


def test_lazy_layers_take_their_shape_first() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))

    found = sizes(make(), (2, 3, 8, 8))
    assert found.as_asked_fits
    assert found.built_for is not None
    trace = trace_model(make(), (InputSpec((2, 3, 8, 8)),), mode="symbolic").trace
    assert trace.outputs[0].shape == ("N", 2)


def test_a_lazy_model_that_fails_says_so() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Linear(5, 2))
    with pytest.raises(ShapescopeError, match="lazy layers take shape with an input: "):
        sizes(model, (2, 3, 8, 8))


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_what_reckons_a_weight_is_no_layer(norm: Callable[[nn.Module], nn.Module]) -> None:
    found = sizes(nn.Sequential(norm(nn.Conv1d(3, 4, 5)), nn.ReLU()), (2, 3, 20))
    assert [part.ranges for part in found.valid] == [{"L": ((5, None, 1),)}]


def test_a_list_of_places_has_its_own_length() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.conv(x)[:, :, [0, 3, -5]]
            return made

    found = sizes(Last(), (2, 3, 20))
    assert found.searched_to is None
    assert [part.ranges for part in found.valid] == [{"L": ((5, None, 1),)}]
