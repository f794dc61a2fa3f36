"""Memory: what is kept, against autograd's own hooks; the peaks, against torch's allocator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.analysis.cost import totals
from shapescope.analysis.memory import OPTIMIZERS, Memory, memory
from shapescope.analysis.storage import kept_bytes, storages, tensor_bytes
from shapescope.attrs import ConvAttrs
from shapescope.capture.tracer import trace_model
from shapescope.trace import ParamSpec, Step, TensorSpec, Trace


def traced(model: nn.Module, *inputs: Tensor, train: bool = True) -> Trace:
    trace = trace_model(model, (inputs, {}), mode="meta", train=train).trace
    assert trace.failure is None
    return trace


def saved_bytes(model: nn.Module, *inputs: Tensor) -> int:
    """Bytes that autograd keeps, by its hooks, without parameters and buffers."""
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = model(*inputs)
    del held
    return sum(found.values())


class Calling(nn.Module):
    """A function behind a layer, so that its input asks for a gradient."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.layer(x))


def image(x: Tensor) -> Tensor:
    return x.view(8, 16, 16, 16)


FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "relu": F.relu,
    "relu in place": lambda x: F.relu(x, inplace=True),
    "relu6 in place": lambda x: F.relu6(x, inplace=True),
    "leaky_relu in place": lambda x: F.leaky_relu(x, inplace=True),
    "elu": F.elu,
    "silu in place": lambda x: F.silu(x, inplace=True),
    "hardswish": F.hardswish,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "logsigmoid": F.logsigmoid,
    "softmax": lambda x: F.softmax(x, 1),
    "dropout": lambda x: F.dropout(x, 0.5),
    "dropout off": lambda x: F.dropout(x, 0.5, training=False),
    "dropout2d": lambda x: F.dropout2d(image(x), 0.5),
    "add and mul": lambda x: (x + 1) * x,
    "mul by a constant": lambda x: x * torch.ones(64),
    "scale": lambda x: 2 * x / 3,
    "pow": lambda x: x**2,
    "sum": lambda x: x.sum(1),
    "norm": lambda x: x.norm(dim=1),
    "view, transpose": lambda x: x.view(8, -1).t().unsqueeze(0),
    "reshape that copies": lambda x: x.t().reshape(8, -1).sigmoid(),
    "reshape that views": lambda x: x.reshape(8, -1).sigmoid(),
    "cat": lambda x: torch.cat([x, x.sigmoid()], 1),
    "chunk": lambda x: [part.exp() for part in x.chunk(4, 1)],
    "getitem": lambda x: x[:, ::2].exp(),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "masked_fill": lambda x: x.masked_fill(x > 0, 0.0),
    "max_pool": lambda x: F.max_pool2d(image(x), 2),
    "avg_pool": lambda x: F.avg_pool2d(image(x), 2),
    "global pool": lambda x: F.adaptive_avg_pool2d(image(x), 1),
    "adaptive pool": lambda x: F.adaptive_avg_pool2d(image(x), 4),
    "interpolate": lambda x: F.interpolate(image(x), scale_factor=2.0),
    "group_norm": lambda x: F.group_norm(image(x), 4),
    "layer_norm": lambda x: F.layer_norm(x, (64,)),
    "sdpa": lambda x: _attend(x.view(8, 4, 16, 64)),
    "attention by hand": lambda x: _heads(x) @ _heads(x).transpose(-2, -1),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.zeros(512, dtype=torch.int64)),
    "mse_loss": lambda x: F.mse_loss(x, torch.zeros(512, 64)),
    "no gradient": lambda x: torch.ones(512, 64).relu(),
    "detached": lambda x: x.detach().exp(),
}


def _attend(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


def _heads(x: Tensor) -> Tensor:
    return x.view(8, 64, 4, 16).transpose(1, 2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_keeps(name: str) -> None:
    model = Calling(FUNCTIONS[name])
    x = torch.rand(512, 64)
    assert kept_bytes(traced(model, x)) == pytest.approx(saved_bytes(model, x), rel=0.01)


LAYERS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "conv": lambda: (
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(2)),
        torch.rand(4, 3, 32, 32),
    ),
    "norms": lambda: (
        nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 64), nn.RMSNorm(64)),
        torch.rand(128, 64),
    ),
    "transposed": lambda: (
        nn.Sequential(nn.ConvTranspose2d(4, 8, 2, 2), nn.GELU(), nn.Conv2d(8, 4, 1)),
        torch.rand(4, 4, 32, 32),
    ),
    "encoder": lambda: (
        nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True),
        torch.rand(8, 32, 64),
    ),
    "embedding": lambda: (
        nn.Sequential(nn.Embedding(10, 64), nn.Linear(64, 10)),
        torch.zeros(8, 32, dtype=torch.int64),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_what_layers_keep(name: str) -> None:
    model, x = LAYERS[name]()
    assert kept_bytes(traced(model, x)) == pytest.approx(saved_bytes(model, x), rel=0.01)


def test_a_frozen_layer_keeps_nothing_for_its_weight() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    model[0].requires_grad_(False)
    x = torch.rand(128, 64)
    # the second one keeps its input, the first one nothing
    assert kept_bytes(traced(model, x)) == saved_bytes(model, x) == 128 * 64 * 4


def test_totals_carry_the_activations() -> None:
    model, x = LAYERS["conv"]()
    trace = traced(model, x)
    assert totals(trace).activation_bytes == kept_bytes(trace) == memory(trace).activations > 0


VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "transpose": lambda x: x.transpose(1, 2),
    "permute, view": lambda x: x.permute(0, 2, 1).reshape(2, 24),
    "reshape of rows": lambda x: x[:, :2].reshape(2, 12),
    "flatten two of three": lambda x: x.transpose(0, 1).flatten(1),
    "flatten behind": lambda x: x[1:].flatten(),
    "split an axis": lambda x: x.transpose(1, 2).view(2, 2, 3, 4),
    "expand, reshape": lambda x: x[:, :1].expand(2, 4, 6).reshape(8, 6),
    "unsqueeze, squeeze": lambda x: x.unsqueeze(1).squeeze(1),
    "contiguous": lambda x: x.transpose(0, 1).contiguous(),
    "contiguous already": lambda x: x[:1].contiguous(),
    "narrow, view": lambda x: x.narrow(0, 1, 1).view(24),
    "index with a tensor": lambda x: x[torch.tensor([0])],
    "add": lambda x: x + 1,
    "add in place": lambda x: x.clone().add_(1),
    "select": lambda x: x.select(1, 0),
    "real transposition": lambda x: x.mT.T.contiguous() if x.dim() == 2 else x.mT,
    "diagonal": lambda x: x.diagonal(0, 1, 2),
    "unfold": lambda x: x.unfold(2, 2, 2),
    "reshape twice": lambda x: x.reshape(2, 2, 12).transpose(0, 1).reshape(4, 12),
}


@pytest.mark.parametrize("name", VIEWS)
def test_memory_is_shared_where_torch_shares_it(name: str) -> None:
    class Viewing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return VIEWS[name](x)

    x = torch.rand(2, 4, 6)
    trace = traced(Viewing(), x)
    shared = VIEWS[name](x).untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert (storages(trace).held[-1] == (0,)) is shared


def chain(*sizes: int) -> Trace:
    """Ops one behind another, without parameters, with outputs of so many floats."""
    given = TensorSpec((sizes[0],), name="x")
    steps: list[Step] = []
    for index, size in enumerate(sizes[1:]):
        before = given if index == 0 else steps[-1].outputs[0]
        steps.append(
            Step(index, "", "my_own_kernel", "function", None, (index - 1,) if index else (),
                 (before,), (TensorSpec((size,)),))
        )  # fmt: skip
    return Trace("m", "meta", (given,), tuple(steps), steps[-1].outputs)


def test_a_tensor_lives_until_its_last_reader_is_done() -> None:
    # 8 stay with the caller; at the widest 5 and 7 are there together, then 7 and 2
    assert memory(chain(8, 5, 7, 2)).inference_peak == 4 * (8 + 5 + 7)


def test_the_input_of_a_module_lives_until_the_module_is_done() -> None:
    model = nn.Sequential(
        nn.Linear(4, 100, bias=False),
        nn.Sequential(nn.Linear(100, 10, bias=False), nn.Linear(10, 40, bias=False)),
    )
    found = memory(traced(model, torch.rand(1, 4)))
    # the caller of the inner Sequential holds the 100 while 10 and 40 are made
    assert found.inference_peak == found.parameters + found.inputs + 4 * (100 + 10 + 40)


def test_parts_add_up() -> None:
    model = nn.Linear(64, 32)
    model.bias.requires_grad_(False)
    found = memory(traced(model, torch.rand(8, 64)), optimizer="adam")
    weight = 4 * 64 * 32
    assert found == Memory(
        parameters=weight + 128,
        buffers=0,
        inputs=4 * 8 * 64,
        gradients=weight,
        optimizer_state=2 * weight,
        activations=4 * 8 * 64,
        inference_peak=weight + 128 + 2048 + 1024,
        # resting, both states, the gradient and two copies on the way
        training_peak=weight + 128 + 2048 + 2 * weight + weight + 2 * weight,
    )


def test_each_optimizer_keeps_its_share() -> None:
    trace = traced(nn.Linear(64, 32), torch.rand(8, 64))
    for name, copies in OPTIMIZERS.items():
        found = memory(trace, optimizer=name)
        assert found.optimizer_state == copies * found.gradients


def test_bytes_of_a_tensor() -> None:
    assert tensor_bytes(TensorSpec((2, 3), "float64")) == 48
    assert tensor_bytes(TensorSpec((2, 3), "bfloat16")) == 12
    assert tensor_bytes(TensorSpec((2, 3), "bool")) == 6
    assert tensor_bytes(TensorSpec((2, "H"), "float32")) == 0
    assert tensor_bytes(ParamSpec("w", (2, 3), "float16", True, "w")) == 12


def test_symbolic_sizes_hold_no_bytes() -> None:
    given = TensorSpec((1, 1, "H", "W"), name="x")
    made = TensorSpec((1, 1, "H - 2", "W - 2"))
    attrs = ConvAttrs(1, 1, (3, 3), (1, 1), (0, 0), (1, 1))
    steps = (Step(0, "conv", "conv2d", "module", None, (), (given,), (made,), attrs),)
    assert memory(Trace("m", "symbolic", (given,), steps, (made,))).inference_peak == 0


TORCHVISION = ["alexnet", "resnet18", "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "swin_t"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_what_real_models_keep(name: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    model = torchvision.models.get_model(name, weights=None)
    x = torch.rand(2, 3, 224, 224)
    assert kept_bytes(traced(model, x)) == pytest.approx(saved_bytes(model, x), rel=0.01)
