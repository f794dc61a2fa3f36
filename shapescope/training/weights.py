"""Other weights for a model than its own: a running mean of them, or those of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


def start_average(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the running mean of a model's weights before the first step: the weights."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def follow(average: dict[str, torch.Tensor], model: nn.Module, decay: float) -> None:
    """Move the running mean of weights and buffers towards those of now; counters are copied."""
    now = model.state_dict()
    with torch.no_grad():
        floats = [name for name, value in average.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [average[name] for name in floats], [now[name] for name in floats], 1 - decay
        )
        for name in average.keys() - set(floats):
            average[name].copy_(now[name])


@contextmanager
def borrowed(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Put other weights into a model and take them out again."""
    own = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights)
    try:
        yield
    finally:
        model.load_state_dict(own)
