"""The maps that a model makes of an image: real outputs of its windowed steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shapescope.capture.recorder import Recorder
from shapescope.capture.untouched.copies import real_copy
from shapescope.ops import lookup
from shapescope.trace import Step

_MOST_STEPS = 8


@dataclass(frozen=True, slots=True, eq=False)
class StepMaps:
    """A step and what it made: images x channels x height x width."""

    step: Step
    maps: Tensor


def feature_maps(module: nn.Module, images: Tensor) -> tuple[StepMaps, ...]:
    """What the first steps with a window (convolutions, pools) make of some images.

    Args:
        module: in the mode it shall run in; it is copied, not changed.
        images: N x C x H x W, prepared as the model wants them.
    """
    made: dict[int, Tensor] = {}

    def keep(index: int, tensors: tuple[Tensor, ...]) -> None:
        if tensors and tensors[0].dim() == images.dim():
            made[index] = tensors[0].detach().clone()

    copy = real_copy(module)
    recorder = Recorder(copy, redirect=None, observe=keep)
    with torch.no_grad(), recorder:
        recorder.name_inputs([("image", images)])
        copy(images)
    steps, _ = recorder.finish(None, {})
    windowed = [step for step in steps if step.index in made and lookup(step.op).windowed]
    return tuple(StepMaps(step, made[step.index]) for step in windowed[:_MOST_STEPS])


def grey_bytes(values: Tensor) -> bytes:
    """A height x width tensor as bytes, its smallest value 0 and its largest 255."""
    return _scaled(values, values.min(), values.max())


def signed_bytes(values: Tensor) -> bytes:
    """A height x width tensor as bytes with 0 in mid grey: what kernels are looked at in."""
    reach = values.abs().max()
    return _scaled(values, -reach, reach)


def _scaled(values: Tensor, low: Tensor, high: Tensor) -> bytes:
    span = (high - low).clamp_min(1e-12)
    shades: Tensor = ((values - low) / span * 255).round().clamp(0, 255).to(torch.uint8)
    return bytes(shades.contiguous().flatten().tolist())
