"""The recorder: which steps a forward pass leaves, in which order, and how they hang together."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.api import trace
from shapescope.attrs import ConvAttrs, ModuleAttrs
from shapescope.capture.passes import Pass, run_pass
from shapescope.capture.untouched.copies import meta_copy
from shapescope.trace import Step, from_dict, to_dict, verify


def record(model: nn.Module, *args: Any, **kwargs: Any) -> Pass:
    """A pass on meta, held against every invariant."""
    done = run_pass(
        meta_copy(model.eval()),
        args,
        kwargs,
        mode="meta",
        redirect="meta",
        definitions={},
        names=["x", "y"],
    )
    verify(done.trace)
    assert from_dict(to_dict(done.trace)) == done.trace
    return done


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def ops(done: Pass) -> list[str]:
    return [step.op for step in done.steps]


def leaves(done: Pass) -> list[Step]:
    return list(done.trace.leaves)


class Calls(nn.Module):
    """Runs any function of the input as a forward."""

    def __init__(self, function: Any, **children: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, child in children.items():
            self.add_module(name, child)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def test_modules_and_calls_come_in_order_of_execution() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return self.fc(x.reshape(x.size(0), -1))

    done = record(
        Calls(forward, conv=nn.Conv2d(1, 4, 3), fc=nn.Linear(4 * 13 * 13, 10)), meta(2, 1, 28, 28)
    )
    assert ops(done) == ["module", "conv2d", "relu", "max_pool2d", "reshape", "linear"]
    assert [step.path for step in done.steps] == ["", "conv", "", "", "", "fc"]
    assert [step.kind for step in done.steps] == [
        "module", "module", "function", "function", "function", "module",
    ]  # fmt: skip
    assert [step.sources for step in done.steps] == [(), (), (1,), (2,), (3,), (4,)]
    assert done.steps[-1].outputs[0].shape == (2, 10)
    assert done.steps[1].inputs[0].name == "x"


def test_a_module_and_a_call_have_the_same_op_and_attrs() -> None:
    conv = nn.Conv2d(3, 8, (3, 5), stride=2, padding=(1, 2), dilation=(1, 2), groups=1)

    def forward(self: Any, x: Tensor) -> Tensor:
        c = self.conv
        return c(x) + F.conv2d(x, c.weight, c.bias, c.stride, c.padding, c.dilation, c.groups)

    done = record(Calls(forward, conv=conv), meta(1, 3, 20, 20))
    module, call, added = leaves(done)
    assert module.op == call.op == "conv2d"
    assert isinstance(call.attrs, ConvAttrs)
    assert module.attrs == call.attrs
    assert [param.name for param in call.params] == ["conv.weight", "conv.bias"]
    assert [spec.name for spec in call.inputs] == ["x"]
    assert added.op == "add"
    assert added.sources == (1, 2)


def test_composites_stand_before_their_children() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2))
    done = record(model, meta(3, 4))
    assert ops(done) == ["module", "module", "linear", "relu", "linear"]
    assert [step.parent for step in done.steps] == [None, 0, 1, 1, 0]
    assert [step.path for step in done.steps] == ["", "0", "0.0", "0.1", "1"]
    assert done.steps[0].attrs == ModuleAttrs("Sequential")
    assert done.steps[1].outputs == done.steps[3].outputs


def test_a_residual_sum_has_two_sources() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        h = self.first(x)
        return h + self.second(h)

    done = record(Calls(forward, first=nn.Linear(4, 4), second=nn.Linear(4, 4)), meta(1, 4))
    assert leaves(done)[-1].sources == (1, 2)


def test_cat_names_every_branch() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), x, self.b(x)], dim=1)

    done = record(Calls(forward, a=nn.Conv2d(3, 2, 1), b=nn.Conv2d(3, 5, 1)), meta(1, 3, 8, 8))
    cat = leaves(done)[-1]
    assert cat.op == "cat"
    assert [spec.shape[1] for spec in cat.inputs] == [2, 3, 5]
    assert cat.sources == (1, 2)
    assert [source for _, source in cat.input_sources()] == [1, None, 2]


def test_a_module_called_twice_is_two_steps() -> None:
    done = record(Calls(lambda self, x: self.fc(self.fc(x)), fc=nn.Linear(4, 4)), meta(1, 4))
    assert [step.path for step in leaves(done)] == ["fc", "fc"]
    assert leaves(done)[0].params == leaves(done)[1].params
    assert len(done.trace.params) == 2


def test_tied_weights_share_a_key() -> None:
    model = Calls(
        lambda self, x: self.head(self.emb(x)), emb=nn.Embedding(50, 8), head=nn.Linear(8, 50)
    )
    model.head.weight = model.emb.weight  # type: ignore[union-attr]
    done = record(model, meta(2, 7, dtype=torch.int64))
    embedding, linear = leaves(done)
    assert embedding.params[0].key == linear.params[0].key == "emb.weight"
    assert linear.params[0].name == "head.weight"
    assert [param.name for param in done.trace.params] == ["emb.weight", "head.bias"]


@pytest.mark.parametrize(
    ("layer", "op"),
    [
        (nn.LSTM(4, 6, num_layers=2, batch_first=True, bidirectional=True), "lstm"),
        (nn.GRU(4, 6), "gru"),
        (nn.RNN(4, 6), "rnn"),
    ],
)
def test_recurrent_layers_are_leaves(layer: nn.Module, op: str) -> None:
    done = record(layer, meta(5, 7, 4))
    assert ops(done) == [op]
    assert len(done.steps[0].outputs) == (3 if op == "lstm" else 2)


def test_attention_is_a_leaf_and_owns_its_projection() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        attended: Tensor = self.attention(x, x, x)[0]
        return attended

    done = record(
        Calls(forward, attention=nn.MultiheadAttention(8, 2, batch_first=True)), meta(2, 5, 8)
    )
    (step,) = leaves(done)
    assert step.op == "multi_head_attention"
    assert "attention.out_proj.weight" in [param.name for param in step.params]


def test_a_transformer_layer_is_opened_without_the_fast_path() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    done = record(nn.TransformerEncoder(layer, 2), meta(2, 5, 8))
    assert ops(done).count("multi_head_attention") == 2
    assert ops(done).count("linear") == 4
    assert ops(done).count("layer_norm") == 4
    assert torch.backends.mha.get_fastpath_enabled()


def test_calls_without_a_tensor_leave_no_step() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        n, dim, shape = x.size(0), x.dim(), x.shape
        assert n == 2 and dim == 2 and tuple(shape) == (2, 4)
        y = x.contiguous().to(torch.float32)
        assert y.is_floating_point() and y.numel() == 8
        return y * 2

    assert ops(record(Calls(forward), meta(2, 4))) == ["module", "mul"]


def test_operators_have_torchs_names() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        y = 1 - x
        y += x
        y = (y @ x.transpose(0, 1)) / 3
        y = -y[:, 0]
        y[0] = 1.0
        return y.softmax(0)

    done = record(Calls(forward), meta(3, 3))
    assert ops(done)[2:] == [
        "add", "transpose", "matmul", "div", "getitem", "neg", "setitem", "softmax",
    ]  # fmt: skip


def test_factories_are_steps_without_inputs_and_do_not_allocate() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return x + torch.zeros(x.shape[-1]) + torch.arange(4, device="cpu")

    done = record(Calls(forward), meta(2, 4))
    zeros = done.steps[1]
    assert (zeros.op, zeros.inputs, zeros.sources) == ("zeros", (), ())
    assert done.failure is None


def test_device_moves_stay_where_the_trace_is() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return x.cuda().to("cuda:0").to(device="cuda", dtype=torch.float64).cpu()

    done = record(Calls(forward), meta(2, 4))
    assert done.failure is None
    assert ops(done) == ["module", "to"]
    assert done.trace.outputs[0].dtype == "float64"


def test_what_returns_its_input_does_not_blur_the_branches() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        h = self.fc(x)
        return h + self.rest(h) + F.dropout(h, training=False)

    model = Calls(forward, fc=nn.Linear(4, 4), rest=nn.Sequential(nn.Identity(), nn.Dropout(0.5)))
    done = record(model, meta(1, 4))
    by_op = {step.op: step for step in leaves(done) if step.op in ("linear", "identity")}
    first_sum = next(step for step in done.steps if step.op == "add")
    assert first_sum.sources[0] == by_op["linear"].index
    assert done.steps[first_sum.sources[1]].op == "dropout"


def test_in_place_calls_move_the_source_on() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        h = self.fc(x)
        F.relu(h, inplace=True)
        h.mul_(2)
        return h + 1

    done = record(Calls(forward, fc=nn.Linear(4, 4)), meta(1, 4))
    assert [step.op for step in leaves(done)] == ["linear", "relu", "mul", "add"]
    assert leaves(done)[-1].sources == (leaves(done)[-2].index,)


def test_a_parameter_used_in_a_call_is_named_and_counted() -> None:
    class Positional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.position = nn.Parameter(torch.zeros(1, 5, 4))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.position

    (step,) = leaves(record(Positional(), meta(2, 5, 4)))
    assert [spec.name for spec in step.inputs] == ["x", "position"]
    assert [param.key for param in step.params] == ["position"]
    assert step.sources == ()


def test_a_weight_made_by_a_step_is_an_input() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        weight = self.fc.weight * 2
        return F.linear(x, weight)

    done = record(Calls(forward, fc=nn.Linear(4, 3, bias=False)), meta(1, 4))
    linear = leaves(done)[-1]
    assert [spec.shape for spec in linear.inputs] == [(1, 4), (3, 4)]
    assert linear.sources == (leaves(done)[0].index,)


@dataclasses.dataclass
class Result:
    logits: Tensor
    hidden: tuple[Tensor, ...]
    note: str | None = None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda a, b: (a, [b]),
        lambda a, b: {"logits": a, "nothing": None, "hidden": {"b": b}},
        lambda a, b: Result(a, (b,)),
    ],
)
def test_outputs_of_any_tree_are_found_in_order(wrap: Any) -> None:
    done = record(Calls(lambda self, x: wrap(x * 1, x[:1])), meta(2, 4))
    assert [spec.shape for spec in done.trace.outputs] == [(2, 4), (1, 4)]


def test_a_packed_sequence_is_looked_into() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(
            x, torch.tensor([3, 2]), batch_first=True, enforce_sorted=True
        )
        return self.rnn(packed)[0]

    model = Calls(forward, rnn=nn.GRU(4, 6, batch_first=True)).eval()
    done = run_pass(
        model,
        (torch.randn(2, 3, 4),),
        {},
        mode="real",
        redirect="cpu",
        definitions={},
        names=["x"],
    )
    verify(done.trace)
    assert done.failure is None
    assert done.trace.outputs[0].shape == (5, 6)


def test_keyword_inputs_are_named() -> None:
    done = record(Calls(lambda self, x, scale: x * scale), meta(2, 4), scale=meta(4))
    assert [spec.name for spec in done.trace.inputs] == ["x", "scale"]
    assert [spec.name for spec in leaves(done)[0].inputs] == ["x", "scale"]


def test_the_step_that_raises_ends_the_trace() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(100, 10), nn.ReLU())
    done = record(model, meta(2, 1, 28, 28))
    assert ops(done) == ["module", "conv2d", "flatten", "linear"]
    assert done.failure is not None
    assert done.failure.step == 3
    assert done.steps[3].outputs == ()
    assert done.steps[3].inputs[0].shape == (2, 4 * 26 * 26)
    assert done.trace.outputs == ()


def test_a_call_that_raises_ends_the_trace() -> None:
    done = record(Calls(lambda self, x: x.view(-1, 7)), meta(2, 4))
    assert done.failure is not None
    assert ops(done) == ["module", "view"]
    assert done.failure.step == 1


def test_python_that_raises_blames_the_module_that_was_open() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("out of ideas")

    done = record(nn.Sequential(nn.ReLU(), Broken()), meta(2, 4))
    assert done.failure is not None
    assert (done.failure.exception, done.failure.message) == ("ValueError", "out of ideas")
    assert done.failure.step == 2
    assert done.steps[2].path == "1"


def test_an_error_that_forward_catches_leaves_no_trace() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        try:
            x = self.wrong(x)
        except RuntimeError:
            x = self.right(x)
        try:
            return x.view(7, 7)
        except RuntimeError:
            return x * 2

    done = record(Calls(forward, wrong=nn.Linear(3, 3), right=nn.Linear(4, 4)), meta(2, 4))
    assert done.failure is None
    assert ops(done) == ["module", "linear", "mul"]
    assert done.steps[1].path == "right"


def test_endless_recursion_is_a_failure_like_any_other() -> None:
    done = record(Calls(lambda self, x: self.forward(x)), meta(2, 4))
    assert done.failure is not None
    assert done.failure.exception == "RecursionError"


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x + x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * 2


def test_a_custom_autograd_function_is_one_step() -> None:
    before = torch.autograd.Function.__dict__["apply"]
    done = record(Calls(lambda self, x: Doubled.apply(x)), meta(2, 4))
    assert ops(done) == ["module", "doubled"]
    assert torch.autograd.Function.__dict__["apply"] is before


def test_a_subclass_with_its_own_forward_is_opened() -> None:
    class Scaled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 2

    class Renamed(nn.Linear):
        pass

    assert ops(record(nn.Sequential(Scaled(4, 4), Renamed(4, 4)), meta(1, 4))) == [
        "module", "module", "linear", "mul", "linear",
    ]  # fmt: skip


def test_parametrized_and_weight_normed_layers_are_one_step() -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    done = record(nn.Sequential(conv), meta(1, 3, 8, 8))
    assert ops(done) == ["module", "conv2d"]
    assert ops(record(nn.Sequential(spectral), meta(1, 4))) == ["module", "linear"]


def test_lazy_layers_take_shape_on_the_copy() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))
    done = record(model, meta(1, 3, 8, 8))
    assert ops(done) == ["module", "conv2d", "flatten", "linear"]
    assert isinstance(done.steps[1].attrs, ConvAttrs)
    assert done.steps[1].attrs.in_channels == 3
    assert {param.name: param.shape for param in done.trace.params}["2.weight"] == (5, 4 * 36)
    assert isinstance(model[0], nn.LazyConv2d)


def test_modules_never_called_are_known() -> None:
    done = record(
        Calls(lambda self, x: self.used(x), used=nn.Linear(4, 4), idle=nn.Linear(4, 9)), meta(1, 4)
    )
    assert {module.path: module.called for module in done.trace.modules} == {
        "": True, "used": True, "idle": False,
    }  # fmt: skip
    assert "idle.weight" in [param.name for param in done.trace.params]


def test_multiple_outputs_of_one_call_share_a_source() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        values, _ = torch.max(a + b, dim=1)
        return values

    done = record(Calls(forward), meta(2, 4))
    chunk, added, largest = leaves(done)
    assert len(chunk.outputs) == 2
    assert added.sources == (chunk.index, chunk.index)
    assert [spec.dtype for spec in largest.outputs] == ["float32", "int64"]


def test_a_loss_can_be_part_of_the_pass() -> None:
    done = run_pass(
        meta_copy(nn.Linear(4, 3)),
        (meta(2, 4),),
        {},
        mode="meta",
        redirect="meta",
        definitions={},
        names=["x"],
        loss=("cross_entropy", meta(2, dtype=torch.int64)),
    )
    assert [step.op for step in done.steps] == ["linear", "cross_entropy"]
    assert done.steps[1].outputs[0].shape == ()


def test_a_chain_of_many_layers_stays_linear() -> None:
    done = record(nn.Sequential(*(nn.ReLU() for _ in range(3000))), meta(1, 4))
    assert len(done.steps) == 3001


def test_what_is_nested_as_deep_as_python_allows_is_traced() -> None:
    model: nn.Module = nn.ReLU()
    for _ in range(250):
        model = nn.Sequential(model)
    limit = sys.getrecursionlimit()
    done = record(model, meta(1, 4))
    assert done.failure is None
    assert len(done.steps) == 251
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("width", [4, 5])
def test_what_the_recorder_puts_on_it_takes_off(width: int) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    before = [dict(vars(module)) for module in model.modules()]
    x = torch.ones(1, width)
    run_pass(model, (x,), {}, mode="real", redirect="cpu", definitions={})
    assert [dict(vars(module)) for module in model.modules()] == before
    assert not any(vars(tensor) for tensor in model.parameters())


def test_hooks_of_the_user_belong_to_the_step_of_their_module() -> None:
    layer = nn.Linear(4, 4)
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    layer.register_forward_hook(lambda module, args, output: output.sum(1))
    done = record(nn.Sequential(layer), meta(3, 4))
    assert ops(done) == ["module", "linear"]
    assert done.steps[1].outputs[0].shape == (3,)


def test_forward_called_by_hand_is_what_it_calls() -> None:
    done = record(Calls(lambda self, x: self.layer.forward(x), layer=nn.Linear(4, 4)), meta(3, 4))
    assert [(step.op, step.kind) for step in done.steps] == [
        ("module", "module"), ("linear", "function"),
    ]  # fmt: skip


class _Reversed(torch.autograd.Function):
    """Runs layers where nobody listens, as reversible blocks do."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layers: nn.ModuleList) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x


class _Reversible(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4))])

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = _Reversed.apply(x, self.layers)
        return made


def test_layers_inside_a_custom_function_are_called() -> None:
    found = trace(_Reversible(), input_size=(2, 4))
    assert [step.op for step in found.trace.steps if step.kind == "function"] == ["_reversed"]
    called = {module.path for module in found.trace.modules if module.called}
    assert called >= {"layers.0", "layers.1", "layers.1.0"}
    assert found.diagnostics == ()
