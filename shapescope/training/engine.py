"""How a step is computed: layout, precision, threads, compilation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from shapescope.training.compiled import compiled
from shapescope.training.quick import AnyLayout, QuickOperations, ReducedPooling
from shapescope.training.recipe import OptimizerSpec
from shapescope.training.recorded import Network, RecordedStep, Scored

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compute a training step.

    Attributes:
        precision: ``float32``, or ``bfloat16`` (autocast; weights and sums stay float32).
        channels_last: whether images and weights lie N, H, W, C in memory.
        threads: of one process, on a CPU.
        compiled: whether forward and loss go through ``torch.compile``.
        quick: whether pooling, tanh and convolutions go the ways of ``QuickOperations``; bfloat16
            is then for convolutions only.
        recorded: whether forward and backward are one graph, recorded once (``RecordedStep``).
    """

    precision: str = "float32"
    channels_last: bool = False
    threads: int = 1
    compiled: bool = False
    quick: bool = False
    recorded: bool = False

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of images and weights."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def __str__(self) -> str:
        """Return a short name, as ``channels_last bfloat16, 2 threads``."""
        layout = "channels_last" if self.channels_last else "contiguous"
        compiled = " compiled" if self.compiled else ""
        recorded = " recorded" if self.recorded else ""
        quick = ", quick operations" if self.quick else ""
        plural = "s" if self.threads > 1 else ""
        kind = f"{layout} {self.precision}{recorded}{compiled}{quick}"
        return f"{kind}, {self.threads} thread{plural}"


@dataclass(frozen=True, slots=True)
class Engine:
    """The way a run computes, and how it was chosen.

    Attributes:
        way: what is used.
        device: ``cpu``, ``cuda`` or ``mps``.
        deterministic: whether only operations with one result are used.
        parts: pieces that one process computes each batch in, one after the other. Two pieces add
            up to the same bits as two processes with a piece each.
        chosen: ``measured`` now, ``remembered`` from an earlier run, or ``fixed``: not measured.
        images_per_second: of each way that was measured; 0 for one the network cannot go.
    """

    way: Way
    device: str = "cpu"
    deterministic: bool = False
    parts: int = 1
    chosen: str = "fixed"
    images_per_second: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the run's record."""
        return {
            "device": self.device,
            **asdict(self.way),
            "deterministic": self.deterministic,
            "parts": self.parts,
            "chosen": self.chosen,
            "images_per_second": dict(self.images_per_second),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Engine:
        """Return the engine that ``to_dict`` described."""
        way = Way(
            values["precision"],
            values["channels_last"],
            values["threads"],
            values["compiled"],
            values.get("quick", False),  # runs of earlier versions do not say
            values.get("recorded", False),
        )
        return cls(
            way,
            values["device"],
            values["deterministic"],
            values["parts"],
            values["chosen"],
            values["images_per_second"],
        )


def make_optimizer(
    spec: OptimizerSpec, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Return the optimizer a recipe asks for, with one kernel for all weights (fused)."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if spec.name == "sgd":
        return torch.optim.SGD(
            trained,
            lr=spec.lr,
            momentum=spec.momentum,
            nesterov=spec.nesterov,
            weight_decay=spec.weight_decay,
            fused=True,
        )
    kind = torch.optim.Adam if spec.name == "adam" else torch.optim.AdamW
    return kind(trained, lr=spec.lr, betas=spec.betas, weight_decay=spec.weight_decay, fused=True)


Step = Callable[[torch.Tensor, torch.Tensor, float], Scored]


def make_step(model: nn.Module, way: Way, device: str, label_smoothing: float = 0.0) -> Step:
    """Return the function that gives a network its gradients.

    It takes images, labels and a factor of the loss, adds the gradients to those of the weights,
    and returns scores (N x classes) and mean loss.

    Args:
        model: the network, on its device and in the way's layout.
        way: decides precision and compilation.
        device: ``cpu``, ``cuda`` or ``mps``.
        label_smoothing: of the loss.
    """
    operations: AbstractContextManager[object] = nullcontext()
    if way.quick:
        operations = QuickOperations(
            reduced=way.precision == "bfloat16", compiled=way.recorded and way.compiled
        )
    elif way.channels_last and not way.compiled:
        operations = AnyLayout()
    elif way.precision == "bfloat16" and device == "cpu" and not way.compiled:
        operations = ReducedPooling()

    def step(network: Network, images: torch.Tensor, labels: torch.Tensor) -> Scored:
        with operations:
            scores = network(images)
        return scores, F.cross_entropy(scores, labels, label_smoothing=label_smoothing)

    def reduced(network: Network, images: torch.Tensor, labels: torch.Tensor) -> Scored:
        with operations, torch.autocast(device, torch.bfloat16):
            scores = network(images)
        scores = scores.float()
        return scores, F.cross_entropy(scores, labels, label_smoothing=label_smoothing)

    chosen = reduced if way.precision == "bfloat16" and not way.quick else step
    if way.recorded:
        return RecordedStep(model, chosen, compiled=way.compiled)
    forward: Callable[[torch.Tensor, torch.Tensor], Scored] = partial(chosen, model)
    if way.compiled:
        forward = compiled(forward)

    def with_gradients(images: torch.Tensor, labels: torch.Tensor, factor: float = 1.0) -> Scored:
        scores, loss = forward(images, labels)
        torch.autograd.backward(loss if factor == 1.0 else loss * factor)
        return scores.detach(), loss.detach()

    return with_gradients
