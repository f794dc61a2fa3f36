"""torch.func inside forward: all samples of a map are shown and counted, derivatives are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, jvp, stack_module_state, vmap
from torch.utils.flop_counter import FlopCounterMode

from shapescope import trace
from shapescope.analysis.check import check_trace
from shapescope.analysis.cost import totals
from shapescope.analysis.step_check import MATCH
from shapescope.capture.tracer import trace_model
from shapescope.trace import Trace, from_dict, to_dict, verify


class Mapped(nn.Module):
    """Runs `function` on its layer and its inputs."""

    def __init__(self, function: Callable[..., Any], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.function = function
        self.layer = layer

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self.layer, *inputs)


def traced(function: Callable[..., Any], layer: nn.Module | None, *inputs: Tensor) -> Trace:
    made = trace_model(Mapped(function, layer), (inputs, {})).trace
    assert made.failure is None, made.failure
    verify(made)
    assert from_dict(to_dict(made)) == made
    return made


def counted(function: Callable[..., Any], layer: nn.Module | None, *inputs: Tensor) -> int:
    """Multiply-adds by torch's own counter."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        Mapped(function, layer)(*inputs)
    return counter.get_total_flops() // 2


def maps_a_conv(layer: Any, x: Tensor) -> Tensor:
    return vmap(layer)(x)


def maps_another_axis(layer: Any, x: Tensor) -> Tensor:
    return vmap(layer, in_dims=1, out_dims=1)(x)


def maps_two_axes(layer: Any, x: Tensor) -> Tensor:
    return vmap(vmap(layer))(x)


def maps_calls(layer: Any, x: Tensor) -> Tensor:
    def one(sample: Tensor) -> Tensor:
        weights = (sample @ sample.T).softmax(dim=0).flatten(0)
        return torch.einsum("i,ij->j", weights, layer(sample).repeat(4, 1))

    return vmap(one)(x)


def ensemble(layer: Any, x: Tensor) -> Tensor:
    weights, buffers = stack_module_state(list(layer))
    base = layer[0]

    def one(state: Any, kept: Any, sample: Tensor) -> Any:
        return functional_call(base, (state, kept), (sample,))

    return vmap(one, in_dims=(0, 0, None))(weights, buffers, x)


def members() -> nn.Module:
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
        for _ in range(6)
    )


CASES: list[tuple[Callable[..., Any], nn.Module | None, Tensor, list[tuple[int | str, ...]]]] = [
    (maps_a_conv, nn.Conv2d(3, 4, 3), torch.rand(7, 3, 8, 8), [(7, 4, 6, 6)]),
    (maps_a_conv, nn.Conv2d(3, 4, 3), torch.rand(7, 2, 3, 8, 8), [(7, 2, 4, 6, 6)]),
    (maps_another_axis, nn.Linear(8, 5), torch.rand(2, 9, 8), [(9, 2, 5)]),
    (maps_two_axes, nn.Linear(8, 5), torch.rand(2, 9, 8), [(2, 9, 5)]),
    (
        maps_calls,
        nn.Linear(8, 5),
        torch.rand(3, 4, 8),
        [(3, 8, 4), (3, 4, 4), (3, 4, 4), (3, 16), (3, 4, 5), (3, 16, 5), (3, 5)],
    ),
]


@pytest.mark.parametrize(("function", "layer", "x", "shapes"), CASES)
def test_all_samples_of_a_map_are_shown_and_counted(
    function: Callable[..., Any],
    layer: nn.Module,
    x: Tensor,
    shapes: list[tuple[int | str, ...]],
) -> None:
    made = traced(function, layer, x)
    assert [step.outputs[0].shape for step in made.leaves] == shapes
    assert totals(made).macs == counted(function, layer, x)
    assert {check.status for check, step in zip(check_trace(made), made.steps, strict=True)
            if step.op != "module"} == {MATCH}  # fmt: skip
    expected = Mapped(function, layer)(x)
    assert made.outputs[0].shape == tuple(expected.shape)
    assert made.steps[1].inputs[0].name == made.inputs[0].name


def test_an_ensemble_counts_every_member() -> None:
    layer = members()
    x = torch.rand(5, 3, 8, 8)
    made = traced(ensemble, layer, x)
    found = totals(made)
    assert found.macs == 6 * (5 * 4 * 36 * 27 + 5 * 144 * 5)
    assert found.params == sum(parameter.numel() for parameter in layer.parameters())
    linear = next(step for step in made.steps if step.op == "linear")
    assert linear.outputs[0].shape == (6, 5, 5)
    assert made.steps[-1].outputs[0].shape == (6, 5, 5)


def test_a_map_crosses_no_batch() -> None:
    result = trace(Mapped(maps_calls, nn.Linear(8, 5)), input_data=torch.rand(3, 4, 8))
    assert result.diagnostics == ()
    assert "all samples are shown" in str(result)


def test_values_inside_a_map_are_those_of_all_samples() -> None:
    x = torch.arange(6.0).reshape(3, 2)
    model = Mapped(lambda _, rows: vmap(lambda row: row * 2)(rows))
    stats = trace_model(model, ((x,), {}), values=True).values[-1]
    assert stats is not None
    assert (stats.minimum, stats.maximum) == (0.0, 10.0)


def energy(layer: Any, x: Tensor) -> Tensor:
    return vmap(grad(lambda row: layer(row).sum()))(x)


def tangent(layer: Any, x: Tensor) -> Tensor:
    return jvp(layer, (x,), (torch.ones_like(x),))[1]


def jacobian(layer: Any, x: Tensor) -> Tensor:
    return vmap(jacrev(layer))(x)


@pytest.mark.parametrize(
    ("function", "ops", "shape"),
    [
        (energy, ("grad",), (6, 2)),
        (tangent, ("make_dual",), (6, 3)),
        (jacobian, ("grad",), (6, 3, 2)),
    ],
)
def test_derivatives_keep_the_graph_and_are_named_as_not_counted(
    function: Callable[..., Any], ops: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    made = traced(function, nn.Linear(2, 3), torch.rand(6, 2))
    found = totals(made)
    assert found.macs == 6 * 2 * 3
    assert found.not_counted == ops
    assert made.outputs[0].shape == shape
    assert made.steps[-1].sources
    assert all(check.status in (MATCH, "not_applicable") for check in check_trace(made))


def test_parameters_under_a_derivative_keep_their_names() -> None:
    def inner_step(layer: Any, x: Tensor) -> Tensor:
        state = dict(layer.named_parameters())

        def loss(state: Any) -> Any:
            return functional_call(layer, state, (x,)).square().mean()

        found = grad(loss)(state)
        state = {name: value - 0.1 * found[name] for name, value in state.items()}
        result: Tensor = functional_call(layer, state, (x,))
        return result

    made = traced(inner_step, nn.Linear(4, 2), torch.rand(3, 4))
    first = next(step for step in made.steps if step.op == "linear")
    assert [param.name for param in first.params] == ["layer.weight", "layer.bias"]
    assert totals(made).macs == 2 * 3 * 4 * 2


def test_the_transforms_are_as_they_were_afterwards() -> None:
    from torch._functorch import eager_transforms
    from torch._functorch import vmap as mapping

    before = mapping._add_batch_dim, eager_transforms._wrap_for_grad
    traced(energy, nn.Linear(2, 3), torch.rand(6, 2))
    after = mapping._add_batch_dim, eager_transforms._wrap_for_grad
    assert before == after
