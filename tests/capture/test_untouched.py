"""A live model is as it was after each tool has looked at it, to the last attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import shapescope


class Model(nn.Module):
    """Counts its calls, keeps its last output, has a hook, a frozen weight and tied layers."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.head.weight
        self.conv.weight.requires_grad_(False)
        self.register_buffer("table", torch.rand(4), persistent=False)
        self.calls = 0
        self.last: Tensor | None = None
        self.seen: list[Any] = []
        self.conv.register_forward_hook(lambda module, args, out: self.seen.append(out))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        out: Tensor = self.tied(self.head(self.norm(self.conv(x)).mean((2, 3)))) + self.table
        self.last = out
        return out


def state(model: nn.Module) -> dict[str, Any]:
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "tensors": {
            name: (id(it), it.data_ptr(), it.dtype, str(it.device), it.requires_grad, it.tolist())
            for name, it in tensors.items()
        },
        "modules": {
            name: (
                id(it),
                it.training,
                {key: id(value) for key, value in it.__dict__.items() if key != "training"},
                {key: list(it.__dict__[key]) for key in it.__dict__ if "hooks" in key},
            )
            for name, it in model.named_modules()
        },
        "own": (model.calls, model.last, list(model.seen)),  # type: ignore[arg-type]
        "random": torch.get_rng_state().tolist(),
        "grad": torch.is_grad_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "dtype": torch.get_default_dtype(),
    }


SIZE = (2, 3, 8, 8)
TOOLS: dict[str, Callable[[nn.Module], Any]] = {
    "trace": lambda model: shapescope.trace(model, input_size=SIZE),
    "trace without an input": lambda model: shapescope.trace(model),
    "train": lambda model: shapescope.trace(model, input_size=SIZE, mode="train"),
    "real": lambda model: shapescope.trace(model, input_data=torch.rand(SIZE)),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_of_a_live_model_changes(tool: str, training: bool) -> None:
    model = Model().train(training)
    before = state(model)
    TOOLS[tool](model)
    if tool == "real":
        # The input was drawn here.
        before["random"] = torch.get_rng_state().tolist()
    assert state(model) == before
