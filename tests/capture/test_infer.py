"""Inputs for models of which nobody said what they take."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.capture.inferring.entrance import entrances, required_arguments, size_hints
from shapescope.capture.inferring.infer import Inferred, infer_for, infer_inputs, plausible_inputs
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.inputs import input_names, make_inputs
from shapescope.capture.loader import load
from shapescope.networks.registry import NETWORKS, NetworkEntry


def inferred(module: nn.Module) -> Inferred:
    found = infer_for(module.eval())
    assert found is not None
    return found


def shape(module: nn.Module) -> tuple[int, ...] | None:
    found = inferred(module)
    assert found.fits
    (spec,) = found.inputs
    args, _ = make_inputs(found.inputs, module, device="cpu")
    with torch.no_grad():
        module(*args)
    return spec.shape


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_the_document_networks_as_files(entry: NetworkEntry) -> None:
    import shapescope.networks as networks

    file = Path(networks.__file__).parent / f"{entry.name.replace('-', '_')}.py"
    found = infer_for(load(str(file)))
    assert found is not None
    assert found.fits
    assert [spec.shape for spec in found.inputs] == [entry.input_shape]


def test_how_it_was_found_is_said() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 5)
            self.fc1 = nn.Linear(6 * 14 * 14, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = F.max_pool2d(self.conv1(x), 2)
            return self.fc1(x.flatten(1))

    assert inferred(Net()) == Inferred(
        (InputSpec((1, 3, 32, 32)),),
        "input 1 x 3 x 32 x 32 inferred from conv1 (in_channels = 3) and fc1 (takes 1176)",
        fits=True,
    )
    assert inferred(nn.Sequential(nn.Conv2d(3, 2, 1))).how == (
        "input 1 x 3 x 224 x 224 inferred from 0 (in_channels = 3)"
    )


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Linear(7, 2), (1, 7)),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), (1, 1, 28, 28)),
        (nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), (1, 3, 32, 32)),
        (nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2)), (1, 5)),
        (nn.Conv1d(4, 2, 3), (1, 4, 128)),
        (nn.Conv2d(1, 2, 3), (1, 1, 28, 28)),
        (nn.Conv2d(4, 2, 3), (1, 4, 84, 84)),
        (nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, 3)), (1, 3, 224, 224)),
        (nn.Conv3d(3, 2, 3), (1, 3, 16, 112, 112)),
        (nn.Conv3d(3, 2, (1, 3, 3)), (1, 3, 1, 112, 112)),
        (nn.ConvTranspose2d(100, 8, 4, 1, 0), (1, 100, 1, 1)),
        (nn.ConvTranspose2d(16, 8, 4, 2, 1), (1, 16, 8, 8)),
        (nn.Embedding(50, 8), (1, 16)),
        (nn.GRUCell(6, 4), (1, 6)),
        (nn.LayerNorm(6), (1, 6)),
        (nn.TransformerEncoderLayer(8, 2, batch_first=True), (1, 16, 8)),
        (nn.Linear(7, 2).double(), (1, 7)),
        (nn.AdaptiveAvgPool2d(1), None),
        (nn.ReLU(), None),
    ],
)
def test_the_first_layer_decides(module: nn.Module, expected: tuple[int, ...] | None) -> None:
    if expected is None:
        assert infer_for(module) is None
    else:
        assert shape(module) == expected


def test_the_dtype_is_the_models() -> None:
    (spec,) = inferred(nn.Linear(3, 2).double()).inputs
    assert spec.dtype == "float64"
    (spec,) = inferred(nn.Embedding(50, 2)).inputs
    assert (spec.dtype, spec.bound) == ("int64", 50)


def test_a_model_without_layers_works_on_its_table() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("pe", torch.zeros(1, 100, 24))
            self.scale = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.get_buffer("pe")[:, : x.size(1)]

    assert shape(Positions()) == (1, 16, 24)


def test_the_layer_that_is_registered_first_need_not_be_the_entrance() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(8, 2)
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.conv(x).mean((2, 3)))

    assert shape(Net()) == (1, 3, 224, 224)


def test_a_size_in_an_attribute_is_tried_first() -> None:
    class ViT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image_size = (72, 72)
            self.patch = nn.Conv2d(3, 8, 8, 8)
            self.table = nn.Parameter(torch.zeros(1, 81, 8))

        def forward(self, x: Tensor) -> Tensor:
            return self.patch(x).flatten(2).transpose(1, 2) + self.table

    assert size_hints(ViT()) == [72]
    assert shape(ViT()) == (1, 3, 72, 72)


class Flattened(nn.Module):
    """Convolutions and pools, then a flatten to a fixed number of features."""

    def __init__(self, channels: int, kernels: list[tuple[int, int, int]], features: int) -> None:
        super().__init__()
        widths = [channels, *(4 * (number + 1) for number in range(len(kernels)))]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, size, stride, padding)
            for before, after, (size, stride, padding) in zip(
                widths[:-1], widths[1:], kernels, strict=True
            )
        )
        self.fc = nn.Linear(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc(self.flat(x))

    def flat(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class Viewed(Flattened):
    """Folds rows into the batch where the size is wrong, as so many tutorials do."""

    def flat(self, x: Tensor) -> Tensor:
        return x.view(-1, self.fc.in_features)


@given(
    st.sampled_from([1, 3, 5]),
    st.lists(
        st.tuples(st.sampled_from([1, 3, 5]), st.integers(1, 2), st.integers(0, 2)),
        min_size=1,
        max_size=3,
    ),
    st.integers(20, 300),
    st.sampled_from([Flattened, Viewed]),
)
@settings(max_examples=40, deadline=None)
def test_any_size_a_network_was_made_for_is_found(
    channels: int, kernels: list[tuple[int, int, int]], size: int, cls: type[Flattened]
) -> None:
    side = size
    for kernel, stride, padding in kernels:
        side = ((side + 2 * padding - kernel) // stride + 1) // 2
        assume(side >= 1)
    model = cls(channels, kernels, 4 * len(kernels) * side * side)
    found = inferred(model)
    assert found.fits
    (spec,) = found.inputs
    args, _ = make_inputs(found.inputs, model, device="cpu")
    with torch.no_grad():
        assert model(*args).shape == (1, 3)
    assert spec.shape is not None
    assert spec.shape[:2] == (1, channels)
    assert spec.shape[2] == spec.shape[3]


def test_an_oblong_picture_where_no_square_gives_the_features() -> None:
    model = Viewed(3, [(5, 1, 0), (5, 1, 0)], 8 * 6 * 27)
    found = inferred(model)
    assert found.fits
    (spec,) = found.inputs
    assert spec.shape is not None
    assert spec.shape[2] != spec.shape[3]
    args, _ = make_inputs(found.inputs, model, device="cpu")
    with torch.no_grad():
        assert model(*args).shape == (1, 3)


def test_a_broken_model_gets_the_most_plausible_input() -> None:
    model = Flattened(1, [(5, 1, 0)], 4 * 7)
    model.fc = nn.Linear(31, 2)
    found = inferred(model)
    assert found == Inferred(
        (InputSpec((1, 1, 28, 28)),),
        "input 1 x 1 x 28 x 28 inferred from convs.0 (in_channels = 1); "
        "no size that was tried fits: where the model takes another, give it with --input",
        fits=False,
    )


def test_a_layer_that_was_never_reached_says_nothing_of_the_input() -> None:
    class Points(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.ModuleList([nn.Conv2d(6, 4, 1)])
            self.fc = nn.Linear(256, 2)

        def forward(self, cloud: Tensor) -> Tensor:
            grouped = cloud.transpose(1, 2)[:, None].transpose(1, 3)
            made = self.shared[0](torch.cat([grouped, grouped], 1)).amax((2, 3))
            result: Tensor = self.fc(made.repeat(1, 64))
            return result

    assert Points()(torch.randn(2, 3, 20)).shape == (2, 2)
    found = infer_for(Points().eval())
    assert found is None or found.fits


def test_a_view_into_rows_does_not_say_how_large_a_picture_is() -> None:
    class Codes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 4, 2, 1)
            self.codes = nn.Embedding(16, 8)

        def forward(self, x: Tensor) -> Tensor:
            made = self.conv(x)
            rows = made.permute(0, 2, 3, 1).reshape(-1, 8)
            near = self.codes(torch.cdist(rows, self.codes.weight).argmin(1))
            result: Tensor = near.view(made.permute(0, 2, 3, 1).shape)
            return result

    found = inferred(Codes())
    assert found.how == "input 1 x 3 x 224 x 224 inferred from conv (in_channels = 3)"


class Translator(nn.Module):
    """Time first: with one step of time the decoder never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(50, 8), nn.Embedding(60, 8)
        self.encoder = nn.GRU(8, 8)
        self.decoder = nn.ModuleDict({"cell": nn.GRUCell(8, 8), "fc": nn.Linear(8, 60)})

    def forward(self, src: Tensor, trg: Tensor) -> Tensor:
        _, state = self.encoder(self.source(src))
        hidden, given = state[0], trg[0, :]
        made = torch.zeros(trg.shape[0], src.shape[1], 60)
        for step in range(1, trg.shape[0]):
            hidden = self.decoder["cell"](self.target(given), hidden)
            made[step] = self.decoder["fc"](hidden)
            given = trg[step]
        return made


def test_inputs_that_pass_by_the_layers_they_are_for_are_none() -> None:
    found = infer_for(Translator().eval())
    assert found is None or found.inputs[1].dtype == "int64"


def test_a_target_text_is_a_text() -> None:
    _, target = plausible_inputs(Translator())
    assert (target.shape, target.dtype) == ((1, 16), "int64")


def test_a_layer_of_the_users_own_says_how_many_features_it_takes() -> None:
    class Splines(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_features = 12
            self.weight = nn.Parameter(torch.randn(5, 12, 9))

        def forward(self, x: Tensor) -> Tensor:
            assert x.size(-1) == self.in_features
            return torch.einsum("bi,oik->bo", x, self.weight)

    found = inferred(nn.Sequential(Splines()))
    assert found.how == "input 1 x 12 inferred from 0 (in_features = 12)"


def test_a_fault_behind_the_flatten_does_not_hide_the_size_before_it() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 5 * 5, 120), nn.Linear(121, 10),
    )  # fmt: skip
    found = inferred(model)
    assert found.inputs == (InputSpec((1, 1, 32, 32)),)
    assert not found.fits
    assert "input 1 x 1 x 32 x 32 inferred from 0 (in_channels = 1); no size" in found.how


def test_several_arguments() -> None:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)

        def forward(self, left: Tensor, right: Tensor, flag: bool = False) -> Tensor:
            return (self.conv(left) - self.conv(right)).abs().sum((1, 2, 3))

    found = inferred(Siamese())
    assert [spec.shape for spec in found.inputs] == [(1, 1, 28, 28)] * 2
    assert found.how == "input 1,1,28,28 and 1,1,28,28 inferred from conv (in_channels = 1)"

    class Captioner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image = nn.Conv2d(3, 8, 3)
            self.words = nn.Embedding(40, 8)

        def forward(self, image: Tensor, tokens: Tensor) -> Tensor:
            return self.words(tokens) + self.image(image).mean((2, 3))[:, None]

    found = inferred(Captioner())
    assert [(spec.shape, spec.dtype) for spec in found.inputs] == [
        ((1, 3, 224, 224), "float32"),
        ((1, 16), "int64"),
    ]


def test_arguments_that_their_names_explain() -> None:
    class Denoiser(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.label = nn.Embedding(10, 8)

        def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
            bias = self.label(y) + t[:, None]
            return self.conv(x) + bias[:, :, None, None]

    found = inferred(Denoiser())
    assert [(spec.shape, spec.dtype) for spec in found.inputs] == [
        ((1, 3, 224, 224), "float32"),
        ((1,), "int64"),
        ((1,), "int64"),
    ]

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(6, 5, num_layers=2, batch_first=True)

        def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
            out, hidden = self.rnn(x, hidden)
            return out, hidden

    found = inferred(Step())
    assert [spec.shape for spec in found.inputs] == [(1, 16, 6), (2, 1, 5)]


def test_several_arguments_that_nothing_explains() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, a: Tensor, b: dict[str, Tensor]) -> Tensor:
            return self.fc(a) + next(iter(b.values()))

    assert infer_for(Odd()) is None


def test_an_argument_that_only_a_failure_explains() -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, a: Tensor, b: dict[str, Tensor]) -> Tensor:
            return self.fc(a) + b["bias"]

    found = inferred(Biased())
    assert [(it.name, it.shape) for it in found.inputs] == [(None, (1, 3)), ("b.bias", (1, 2))]


def test_which_arguments_forward_needs() -> None:
    class Many(nn.Module):
        def forward(self, a: Tensor, b: Tensor, c: int = 3, *rest: Tensor, d: int = 4) -> Tensor:
            return a

    class Optional(nn.Module):
        def forward(self, ids: Tensor | None = None, mask: Tensor | None = None) -> None:
            return None

    class Variable(nn.Module):
        def forward(self, *inputs: Tensor) -> None:
            return None

    class Nothing(nn.Module):
        def forward(self) -> None:
            return None

    assert required_arguments(Many()) == ["a", "b"]
    assert required_arguments(Optional()) == ["ids"]
    assert required_arguments(Variable()) == ["inputs"]
    assert required_arguments(Nothing()) == []
    assert required_arguments(nn.Sequential()) == ["input"]


def test_attempts_have_an_end_and_are_not_repeated() -> None:
    attempts: list[tuple[InputSpec, ...]] = []

    def never(specs: tuple[InputSpec, ...]) -> bool:
        attempts.append(specs)
        return False

    model = nn.Sequential(*(nn.Conv2d(width, 1, 3) for width in range(1, 30)))
    found = infer_inputs(model, never)
    assert found is not None
    assert not found.fits
    assert len(attempts) == len(set(attempts)) <= 48


def test_yes_or_no_is_enough_to_search_by() -> None:
    model = Flattened(3, [(3, 1, 1)], 4 * 48 * 48)

    def runs(specs: tuple[InputSpec, ...]) -> bool:
        args, _ = make_inputs(specs, model, device="cpu")
        try:
            model(*args)
        except RuntimeError:
            return False
        return True

    found = infer_inputs(model, runs)
    assert found is not None
    assert found.inputs == (InputSpec((1, 3, 96, 96)),)


def test_a_scripted_model_is_read_like_the_one_it_came_from() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(Flattened(3, [(3, 1, 1)], 4 * 48 * 48))
        frozen = torch.jit.freeze(scripted.eval())
    assert required_arguments(scripted) == ["x"]
    assert input_names(scripted, 2) == ["x", None]
    first = entrances(scripted)[0]
    assert (first.path, first.head, first.free) == ("convs.0", (1, 3), 2)
    assert entrances(frozen) == []


def test_what_meta_cannot_run_is_searched_another_way() -> None:
    class Choosy(Flattened):
        def flat(self, x: Tensor) -> Tensor:
            return x.flatten(1) * (2 if x.sum().item() > 1e9 else 1)

    found = inferred(Choosy(3, [(3, 1, 1)], 4 * 48 * 48))
    assert found.fits
    assert found.inputs == (InputSpec((1, 3, 96, 96)),)


class OnAGrid(nn.Module):
    """Puts the place of each step beside its value."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        grid = torch.linspace(0, 1, x.shape[1]).reshape(1, -1, 1).repeat(x.shape[0], 1, 1)
        return self.lift(torch.cat((x, grid), dim=-1))


def around(x: Tensor) -> Tensor:
    """Each point beside its differences to four others."""
    batch, channels, points = x.shape
    others = x.unsqueeze(3).expand(batch, channels, points, 4)
    return torch.cat((others, others.roll(1, 2) - others), dim=1)


class OfPoints(nn.Module):
    """Convolutions over what lies around each point; a function beside it says how many axes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 8, 1)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(around(x)).amax((2, 3)))


def test_features_that_forward_adds_are_left_out() -> None:
    found = infer_for(OnAGrid())
    assert found is not None
    assert found.fits
    assert found.inputs[0].shape == (1, 16, 3)


def test_channels_that_forward_doubles_are_halved() -> None:
    found = infer_for(OfPoints())
    assert found is not None
    assert found.fits
    assert found.inputs[0].shape == (1, 3, 128)
    assert "conv (takes 6 with what forward adds)" in found.how
