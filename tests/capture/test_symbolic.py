"""Traces with open sizes: what PyTorch cannot leave open is said, and is no fault of a model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.analysis.step_check import MATCH, UNKNOWN
from shapescope.analysis.symbolic_check import Evaluator, check_symbolic
from shapescope.arithmetic.expressions import parse_expression
from shapescope.attrs import CallAttrs, ConvAttrs
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loader import load
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError

INPUTS = (InputSpec((1, 3, 32, 32)),)


class Resized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.conv(x), size=x.shape[-2:], mode="bilinear")


class Padded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, (7 - x.shape[-1] % 7) % 7))


def test_a_map_is_resized_to_open_sizes() -> None:
    trace = trace_model(Resized(), INPUTS, mode="symbolic").trace
    assert trace.failure is None
    assert trace.outputs[0].shape == ("N", 4, "H", "W")


class Windows(nn.Module):
    """Padded to whole windows, cut back and halved, again and again, as a Swin transformer does."""

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(4):
            n, c, height, width = x.shape
            padded = F.pad(x, (0, (7 - width % 7) % 7, 0, (7 - height % 7) % 7))
            rows, columns = padded.shape[-2] // 7, padded.shape[-1] // 7
            windows = padded.view(n, c, rows, 7, columns, 7).permute(0, 1, 2, 4, 3, 5)
            back = windows.permute(0, 1, 2, 4, 3, 5).reshape(n, c, rows * 7, columns * 7)
            x = back[:, :, :height, :width]
            x = F.pad(x, (0, width % 2, 0, height % 2))[:, :, ::2, ::2]
        return x


class Growing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        for _ in range(6):
            width = x.shape[-1]
            x = F.pad(x, (0, width % 11 + width % 13))
        return x


def test_a_map_is_padded_by_an_open_amount() -> None:
    trace = trace_model(Padded(), INPUTS, mode="symbolic").trace
    assert trace.failure is None
    assert trace.outputs[0].shape == ("N", 3, "H", "7*((W + 6)//7)")


def test_formulas_stay_short_behind_windows_and_are_right() -> None:
    trace = trace_model(Windows(), INPUTS, mode="symbolic").trace
    assert trace.failure is None
    (made,) = trace.outputs
    formulas = [parse_expression(str(size)) for size in made.shape[-2:]]
    assert max(len(str(size)) for size in made.shape) <= len("(H + 15)//16")
    for height, width in ((32, 32), (57, 41), (224, 99)):
        concrete = trace_model(Windows(), (InputSpec((1, 3, height, width)),)).trace
        found = tuple(it.evaluate({"H": height, "W": width}) for it in formulas)
        assert found == concrete.outputs[0].shape[-2:]


def test_what_torch_cannot_leave_open_is_no_error_of_the_model() -> None:
    assert trace_model(Growing(), INPUTS).trace.failure is None
    with pytest.raises(ShapescopeError) as caught:
        trace_model(Growing(), INPUTS, mode="symbolic")
    assert str(caught.value) == (
        "PyTorch cannot leave these sizes open: module: the formulas grow with every step"
    )
    assert caught.value.exit_code == 2


def test_a_way_by_values_is_no_error_of_the_model() -> None:
    class ByValues(Resized):
        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x) if (x > 0).any() else x

    with pytest.raises(ShapescopeError, match="PyTorch cannot leave these sizes open"):
        trace_model(ByValues(), INPUTS, mode="symbolic")


class ByStyle(nn.Module):
    """Each sample is convolved with a kernel of its own: the groups are the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.style = nn.Linear(3, 4 * 3 * 9)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        kernels = self.style(x.mean((2, 3))).view(batch * 4, channels, 3, 3)
        made = F.conv2d(x.view(1, -1, height, width), kernels, padding=1, groups=batch)
        return made.view(batch, 4, height, width)


def test_the_batch_as_groups_is_multiplied_as_a_formula() -> None:
    trace = trace_model(ByStyle(), INPUTS, mode="symbolic").trace
    (conv,) = [step for step in trace.steps if step.op == "conv2d"]
    assert isinstance(conv.attrs, ConvAttrs)
    assert str(conv.attrs.in_channels) == "3*N"
    assert check_symbolic(trace)[conv.index].status == MATCH


def test_a_model_that_fails_with_numbers_too_fails() -> None:
    class Wrong(Resized):
        def forward(self, x: Tensor) -> Tensor:
            return self.conv(torch.cat([x, x], 1))

    trace = trace_model(Wrong(), INPUTS, mode="symbolic").trace
    assert trace.failure is not None
    assert trace.inputs[0].shape == INPUTS[0].shape


class Twice(nn.Module):
    """Two windows: the second asks for more of the input than the first."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(3, 3, 5), nn.MaxPool2d(2), nn.Conv2d(3, 3, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.convs(x)
        return out


def test_of_two_limits_the_tighter_is_told() -> None:
    notes = trace_model(Twice(), INPUTS, mode="symbolic").notes
    (told,) = (note for note in notes if note.startswith("holds where "))
    limits = told.removeprefix("holds where ").split(", ")
    assert "H >= 14" in limits
    assert not [one for one in limits if one.startswith("H >= ") and one != "H >= 14"]


class Asking(nn.Module):
    """It asks for its input's own sizes."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(x.shape[0] * x.shape[2], -1).view(x.shape[0], x.shape[2], -1)
        return rows[:, : x.shape[2] // 2].reshape(x.shape[0], -1)


def test_settings_speak_of_the_axes_and_are_checked() -> None:
    trace = trace_model(Asking(), INPUTS, mode="symbolic").trace
    given = [step.attrs for step in trace.leaves]
    assert [attrs.arguments[0][1] for attrs in given if isinstance(attrs, CallAttrs)] == [
        ("N*H", -1),
        ("N", "H", -1),
        (":", ":(H//2)"),
        ("N", -1),
    ]
    assert [check.status for check in check_symbolic(trace)][1:] == [MATCH] * 4


def test_no_step_of_lenet5_is_unknown() -> None:
    loaded = load("lenet5")
    trace = trace_model(loaded, loaded.default_inputs, mode="symbolic").trace
    statuses = {step.op: check.status for step, check in zip(
        trace.steps, check_symbolic(trace), strict=True)}  # fmt: skip
    assert statuses["reshape"] == MATCH
    assert UNKNOWN not in statuses.values()


class Doubted(nn.Module):
    """A stride is read, which our own pass does not follow, so that PyTorch's engine is asked."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        x.stride()
        out: Tensor = self.inner(x)
        return out


class Halved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=0.5)


class Odd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        width = x.shape[-1]
        return F.pad(x, (0, width * width % 11))


class Square(nn.Module):
    """Rows and columns meet, and one more row comes along."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x + x.transpose(2, 3), x[:, :, :2].mean(2, keepdim=True)], 2)


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        (Resized(), ("N", 4, "H", "W")),
        (Padded(), ("N", 3, "H", "7*((W + 6)//7)")),
        (Halved(), ("N", 3, "H//2", "W//2")),
        (Odd(), ("N", 3, "H", "W + (W*W) % 11")),
        (Twice(), ("N", 3, "(H - 4)//2 - 4", "(W - 4)//2 - 4")),
        (Asking(), ("N", "(H//2)*3*W")),
    ],
)
def test_the_engine_does_what_our_own_pass_does(
    model: nn.Module, outputs: tuple[int | str, ...]
) -> None:
    by_engine = trace_model(Doubted(model), INPUTS, mode="symbolic").trace
    own = trace_model(model, INPUTS, mode="symbolic").trace
    assert by_engine.failure is None
    for height, width in ((32, 32), (41, 57), (224, 100)):
        at = Evaluator({"N": 3, "H": height, "W": width})
        assert at.shape(by_engine.outputs[0].shape) == at.shape(outputs)
        assert at.shape(own.outputs[0].shape) == at.shape(outputs)
    assert [at.attrs(step.attrs) for step in by_engine.leaves] == [
        at.attrs(step.attrs) for step in own.leaves
    ]


def test_the_engine_tells_what_it_asked_of_the_sizes() -> None:
    (told,) = trace_model(Doubted(Square()), INPUTS, mode="symbolic").notes
    assert told == "holds where H == W"


def test_a_batch_that_the_engine_fixes_is_told() -> None:
    class Paired(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(2, 3, -1) + x.new_zeros(2, 3, 1)

    made = trace_model(Doubted(Paired()), INPUTS, mode="symbolic")
    assert made.trace.outputs[0].shape == (2, 3, "H*W")
    assert made.notes == ("holds where N == 2",)
    assert made.trace.holds_where == ("N == 2",)


def test_images_in_a_list_are_left_open_by_the_engine_one_by_one() -> None:
    class Detector(nn.Module):
        def forward(self, images: list[Tensor]) -> list[Tensor]:
            images[0].stride()  # as in Doubted
            return [nn.functional.max_pool2d(image, 2) for image in images]

    for count in (1, 2):
        specs = [InputSpec((3, 32 * one, 40), listed=True) for one in range(1, count + 1)]
        made = trace_model(Detector(), specs, mode="symbolic")
        assert made.trace.mode == "symbolic"
        assert len(made.trace.inputs) == len(made.trace.outputs) == count
        assert made.trace.outputs[0].shape == ("D", "H//2", "W//2")
