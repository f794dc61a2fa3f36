"""A trace by our own pass with formulas is taken only where torch confirms it."""

from __future__ import annotations

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.open_axes.followed import followed
from shapescope.capture.sizes.sizer import Sizer
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError

INPUTS = (InputSpec((1, 3, 32, 32)),)


class Spelled(nn.Module):
    """The size goes the way of text, where no formula can follow."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, int(str(x.shape[-1])) % 7))


class Counted(nn.Module):
    """A step for each row, so that other heights have other steps."""

    def forward(self, x: Tensor) -> Tensor:
        rows = [x[:, :, row] * row for row in range(x.shape[2])]
        return sum(rows[1:], rows[0])


class Scalar(nn.Module):
    """The batch ends in one number."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean((2, 3), keepdim=True)).flatten(0, 1).square().mean()


class Dropping(nn.Module):
    """In training mode an auxiliary map comes along."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x, F.max_pool2d(x, 2)) if self.training else (x,)


def test_a_formula_that_torch_does_not_confirm_is_not_told() -> None:
    assert followed(Sizer(Spelled(), INPUTS), {"N", "H", "W"}) is None
    with pytest.raises(ShapescopeError, match="cannot leave these sizes open"):
        trace_model(Spelled(), INPUTS, mode="symbolic")


def test_a_size_that_becomes_a_number_is_told() -> None:
    made = trace_model(Counted(), INPUTS, mode="symbolic")
    assert made.trace.holds_where == ("H == 32",)
    assert made.trace.outputs[0].shape == ("N", 3, "W")


def test_axes_that_are_not_named_keep_their_size() -> None:
    trace = trace_model(Dropping(), (InputSpec((1, 3, 32, 48)),), mode="symbolic",
                        symbols=("H",)).trace  # fmt: skip
    assert trace.inputs[0].shape == trace.outputs[0].shape == (1, 3, "H", 48)


def test_outputs_need_not_keep_the_batch() -> None:
    trace = trace_model(Scalar(), INPUTS, mode="symbolic").trace
    assert trace.holds_where == ()
    assert [spec.shape for spec in trace.outputs] == [()]
    assert trace.steps[-3].outputs[0].shape == ("3*N", "H", "W")


def test_the_mode_of_training_is_kept() -> None:
    trace = trace_model(Dropping(), INPUTS, mode="symbolic", train=True).trace
    assert [spec.shape for spec in trace.outputs] == [("N", 3, "H", "W"), ("N", 3, "H//2", "W//2")]


class Averaged(nn.Module):
    """One value a channel, which a norm in training mode cannot take of a single sample."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.adaptive_avg_pool2d(x, 1)).flatten(1)


class Squeezed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)).squeeze()


@pytest.mark.parametrize(
    ("model", "train", "limits"),
    [(Averaged(), True, ("N >= 2",)), (Averaged(), False, ()), (Squeezed(), False, ("N >= 2",))],
)
def test_where_one_sample_goes_another_way_two_are_asked_for(
    model: nn.Module, train: bool, limits: tuple[str, ...]
) -> None:
    made = trace_model(model, INPUTS, mode="symbolic", train=train)
    assert made.trace.holds_where == limits
