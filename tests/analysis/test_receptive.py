"""Receptive fields, against the pixels that have a gradient from one output position."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from shapescope.analysis.receptive import ReceptiveField, receptive_fields
from shapescope.attrs import ConvAttrs
from shapescope.capture.tracer import trace_model
from shapescope.trace import Step, TensorSpec, Trace


def fields_of(model: nn.Module, x: Tensor) -> dict[str, ReceptiveField | None]:
    """The field of each step that is no opened module, the last one under its path."""
    trace = trace_model(model, ((x,), {}), mode="meta").trace
    found = receptive_fields(trace)
    assert trace.failure is None
    return {s.path: f for s, f in zip(trace.steps, found, strict=True) if s.op != "module"}


def last_field(model: nn.Module, *shape: int) -> ReceptiveField | None:
    dtype = next((p.dtype for p in model.parameters()), torch.float32)
    trace = trace_model(model, ((torch.rand(*shape, dtype=dtype),), {}), mode="meta").trace
    assert trace.failure is None
    kept = [step.index for step in trace.steps if step.op != "module"]
    return receptive_fields(trace)[kept[-1]]


def seen(model: nn.Module, x: Tensor, position: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last input, along each spatial axis, that this output position depends on."""
    x = x.clone().requires_grad_()
    out = model(x)
    out[(slice(None), slice(None), *position)].sum().backward()
    assert x.grad is not None
    touched = x.grad.abs().sum((0, 1)) > 0
    spans = []
    for axis in range(touched.dim()):
        others = [other for other in range(touched.dim()) if other != axis]
        line = touched.any(dim=others) if others else touched
        where = line.nonzero().flatten()
        spans.append((int(where[0]), int(where[-1])))
    return spans


def expected(field: ReceptiveField, position: tuple[int, ...], x: Tensor) -> list[tuple[int, int]]:
    """The same from the field, without what lies in the padding."""
    spans = []
    for size, jump, start, p, n in zip(field.size, field.jump, field.start, position, x.shape[2:],
                                       strict=True):  # fmt: skip
        first = start + p * jump
        spans.append((max(int(first), 0), min(int(first + size), n) - 1))
    return spans


def positive(model: nn.Module) -> nn.Module:
    """The model in double precision with weights that nothing cancels."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    return model.double().eval()


class Residual(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, stride, 1)
        self.shortcut = nn.Conv2d(2, 2, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + self.shortcut(x)


class Excited(nn.Module):
    """A branch that sees everything, multiplied onto the map."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, 2, 1)
        self.gate = nn.Linear(4, 4)
        self.narrow = nn.Conv2d(4, 4, 1)
        self.flat = flat

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.flat:
            scale = self.gate(x.mean((2, 3)))[:, :, None, None]
        else:
            scale = self.narrow(nn.functional.adaptive_avg_pool2d(x, 1))
        result: Tensor = x * scale
        return result


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(2, 2, 5, padding=2)
        self.narrow = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.narrow(x), self.wide(x)], 1)


class Sliced(nn.Module):
    """YOLO's focus: four slices of every second pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        result: Tensor = self.conv(torch.cat(parts, 1))
        return result


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, 2)
        self.norm = nn.LayerNorm(4, elementwise_affine=False)
        self.linear = nn.Linear(4, 4)
        self.again = nn.Conv2d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).permute(0, 2, 3, 1)
        result: Tensor = self.again(self.linear(x).permute(0, 3, 1, 2))
        return result


MODELS: dict[str, Callable[[], nn.Module]] = {
    "chain": lambda: nn.Sequential(
        nn.Conv2d(2, 4, 5, 2, 1), nn.ReLU(), nn.AvgPool2d(3, 2, 1), nn.Conv2d(4, 2, 3, dilation=2)
    ),
    "per axis": lambda: nn.Sequential(
        nn.Conv2d(2, 4, (1, 7), (1, 2), (0, 3)), nn.Conv2d(4, 2, (3, 2), dilation=(2, 1))
    ),
    "residual": lambda: nn.Sequential(Residual(1), Residual(2), Residual(1)),
    "squeeze": lambda: Excited(flat=False),
    "squeeze, flat": lambda: nn.Sequential(Excited(flat=True), nn.Conv2d(4, 2, 3)),
    "joined": lambda: nn.Sequential(Joined(), nn.Conv2d(4, 2, 3)),
    "sliced": Sliced,
    "channels last": ChannelsLast,
    "uneven padding": lambda: nn.Sequential(
        nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(2, 2, 4, padding="same"), nn.Conv2d(2, 2, 3)
    ),
    "unshuffle": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(8, 2, 3)),
    "adaptive": lambda: nn.Sequential(nn.Conv2d(2, 2, 3), nn.AdaptiveAvgPool2d((11, 1))),
    "crop": lambda: nn.Sequential(nn.Conv2d(2, 2, 3), nn.ZeroPad2d(-2)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_field_is_what_has_a_gradient(name: str) -> None:
    model = positive(MODELS[name]())
    x = torch.rand(1, 2, 24, 26, dtype=torch.float64)
    field = last_field(model, 1, 2, 24, 26)
    assert field is not None
    *_, height, width = model(x).shape
    for position in ((0, 0), (height // 2, width // 2), (height - 1, width - 1)):
        assert seen(model, x, position) == expected(field, position, x), position


def test_one_and_three_axes() -> None:
    line = positive(nn.Sequential(nn.Conv1d(2, 2, 5, 3, 1), nn.AvgPool1d(2)))
    field = last_field(line, 1, 2, 40)
    assert field == ReceptiveField((8,), (6,), (-1,))
    solid = nn.Sequential(nn.Conv3d(2, 2, (1, 3, 5)), nn.MaxPool3d(2))
    assert last_field(solid, 1, 2, 8, 12, 12) == ReceptiveField((2, 4, 6), (2, 2, 2), (0, 0, 0))


def test_vgg16_sees_212_pixels() -> None:
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        model = torchvision.models.vgg16(weights=None).eval()
    found = fields_of(model, torch.empty(1, 3, 224, 224))
    assert found["features.0"] == ReceptiveField((3, 3), (1, 1), (-1, -1))
    assert found["features.30"] == ReceptiveField((212, 212), (32, 32), (-90, -90))
    assert found["classifier.0"] is None


def test_upsampling_halves_the_jump() -> None:
    for layer in (nn.Upsample(scale_factor=2), nn.PixelShuffle(2)):
        field = last_field(nn.Sequential(nn.Conv2d(4, 4, 3, 2, 1), layer), 1, 4, 16, 16)
        assert field is not None
        assert [float(jump) for jump in field.jump] == [1.0, 1.0]
        assert field.size == (3, 3)
    transposed = nn.Sequential(nn.Conv2d(4, 4, 3, 4, 1), nn.ConvTranspose2d(4, 4, 2, 2))
    field = last_field(transposed, 1, 4, 16, 16)
    assert field is not None
    assert field.jump == (2, 2)


def test_a_global_pool_sees_the_whole_map_and_flatten_ends_the_axes() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    found = fields_of(model, torch.rand(1, 2, 16, 16))
    pooled = found["1"]
    assert pooled is not None
    assert pooled.start == (-1, -1)
    assert pooled.size == (17, 17)
    assert found["2"] is None
    assert found["3"] is None


def test_without_a_window_there_is_no_field() -> None:
    assert last_field(nn.Linear(4, 2), 3, 4) is None
    assert last_field(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), 3, 5, 4) is None


def test_tokens_have_lost_their_place() -> None:
    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 4, 4)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.conv(x).flatten(2).transpose(1, 2)
            return result

    trace = trace_model(Patches(), ((torch.rand(1, 3, 16, 16),), {}), mode="meta").trace
    found = [field for step, field in zip(trace.steps, receptive_fields(trace), strict=True)
             if step.op != "module"]  # fmt: skip
    assert found == [ReceptiveField((4, 4), (4, 4), (0, 0)), None, None]


def test_an_unbatched_map_has_its_axes() -> None:
    found = last_field(nn.Conv2d(3, 4, 3, 2), 3, 9, 9)
    assert found == ReceptiveField((3, 3), (2, 2), (0, 0))


def test_an_op_without_a_rule_ends_the_axes() -> None:
    given = TensorSpec((1, 2, 9, 9), name="x")
    made = TensorSpec((1, 2, 7, 7))
    attrs = ConvAttrs(2, 2, (3, 3), (1, 1), (0, 0), (1, 1))
    steps = (
        Step(0, "conv", "conv2d", "module", None, (), (given,), (made,), attrs),
        Step(1, "", "my_own_kernel", "function", None, (0,), (made,), (made,)),
        Step(2, "", "relu", "function", None, (1,), (made,), (made,)),
    )
    found = receptive_fields(Trace("m", "meta", (given,), steps, (made,)))
    assert found == (ReceptiveField((3, 3), (1, 1), (0, 0)), None, None)


def test_a_symbolic_trace_has_none() -> None:
    given = TensorSpec((1, 2, "H", "W"), name="x")
    made = TensorSpec((1, 2, "H - 2", "W - 2"))
    attrs = ConvAttrs(2, 2, (3, 3), (1, 1), (0, 0), (1, 1))
    steps = (Step(0, "conv", "conv2d", "module", None, (), (given,), (made,), attrs),)
    assert receptive_fields(Trace("m", "symbolic", (given,), steps, (made,))) == (None,)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "densenet121", "googlenet"])
def test_classifiers_see_what_has_a_gradient(name: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    model = torchvision.models.get_model(name, weights=None, **(
        {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}))  # fmt: skip
    linear(model)
    x = torch.rand(1, 3, 224, 224, dtype=torch.float64)
    trace = trace_model(model, ((x,), {}), mode="meta").trace
    found = receptive_fields(trace)
    convs = [step for step in trace.steps if step.op == "conv2d" and found[step.index]]
    for step in (convs[len(convs) // 2], convs[-1]):
        field = found[step.index]
        assert field is not None
        *_, height, width = step.outputs[0].shape
        position = (int(height) // 2, int(width) // 2)
        reached = seen(until(model, step.path), x, position)
        assert reached == expected(field, position, x), step.path


def linear(model: nn.Module) -> None:
    """What stops or blurs a gradient is replaced by what lets it through."""
    for name, child in model.named_children():
        if isinstance(child, nn.MaxPool2d):
            pool = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
            setattr(model, name, pool)
        elif isinstance(child, (nn.ReLU, nn.Hardswish, nn.Hardsigmoid, nn.BatchNorm2d)):
            setattr(model, name, nn.Identity())
        else:
            linear(child)
    torch.manual_seed(0)
    for parameter in model.parameters(recurse=False):
        size = max(parameter[0].numel() if parameter.dim() > 1 else 1, 1)
        nn.init.uniform_(parameter, 0.5 / size, 1.5 / size)
    model.double().eval()


def until(model: nn.Module, path: str) -> nn.Module:
    """The model up to the output of one of its layers."""

    class Until(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            kept: list[Tensor] = []
            layer = model.get_submodule(path)
            hook = layer.register_forward_hook(lambda _m, _i, out: kept.append(out))
            relu = nn.functional.relu
            nn.functional.relu = lambda input, inplace=False: input  # noqa: A006
            try:
                model(x)
            finally:
                hook.remove()
                nn.functional.relu = relu
            return kept[0]

    return Until()
