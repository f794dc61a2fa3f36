"""A step recorded as one graph: forward and backward, run again without modules and autograd."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from shapescope.training.compiled import compiled

Scored = tuple[torch.Tensor, torch.Tensor]
Network = Callable[[torch.Tensor], torch.Tensor]
Forward = Callable[[Network, torch.Tensor, torch.Tensor], Scored]
Graph = Callable[..., list[torch.Tensor | None]]

_ROUNDING = 1e-3  # of the gradients' length: compiled code adds in another order


class NotRecordableError(RuntimeError):
    """A network does not compute the same steps each time, or changes more than its buffers."""


class RecordedStep:
    """Gives the weights their gradients, and returns scores and mean loss.

    The steps that one batch goes through are recorded, and the steps of its gradients, and run
    again for every batch of that shape. What a recording cannot hold is refused: decisions by the
    values of tensors, Python's random numbers, and attributes that a forward pass sets. Each
    recording has to give what the step itself gives for another batch before it is used.

    Args:
        model: the network, in training mode; its weights and buffers are looked up in every step.
        forward: from a network, images and labels to scores (N x classes) and mean loss.
        compiled: whether the recording goes through ``torch.compile``.
    """

    def __init__(self, model: nn.Module, forward: Forward, *, compiled: bool) -> None:
        self.model, self.forward, self.compiled = model, forward, compiled
        self.weights = dict(model.named_parameters())
        self.buffers = dict(model.named_buffers())
        self.trained = [weight for weight in self.weights.values() if weight.requires_grad]
        self.graphs: dict[object, Graph] = {}

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, weight: float = 1.0) -> Scored:
        """Add the gradients of ``weight`` times the mean loss to those of the weights.

        Returns:
            Scores, N x classes, and mean loss.

        Raises:
            NotRecordableError: the network does not compute the same steps each time.
        """
        shape = (images.shape, images.stride())
        graph = self.graphs.get(shape)
        if graph is None:
            graph = self.graphs[shape] = self._record(images, labels)
        with torch.no_grad():
            scores, loss, *gradients = graph(
                *self.weights.values(), *self.buffers.values(), images, labels
            )
            for trained, gradient in zip(self.trained, gradients, strict=True):
                if gradient is not None:
                    _add(trained, gradient if weight == 1.0 else gradient * weight)
        assert scores is not None and loss is not None
        return scores, loss

    def _joint(self, *inputs: torch.Tensor) -> list[torch.Tensor | None]:
        """Compute scores, loss and gradients from weights, buffers, images and labels."""
        *values, images, labels = inputs
        named = dict(zip((*self.weights, *self.buffers), values, strict=True))
        given = dict(named)

        def network(images: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = torch.func.functional_call(self.model, named, (images,))
            return scores

        scores, loss = self.forward(network, images, labels)
        if any(named[name] is not value for name, value in given.items()):
            raise NotRecordableError("its forward pass puts other tensors in place of its own")
        trained = [named[name] for name, weight in self.weights.items() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        return [scores.detach(), loss.detach(), *gradients]

    def _record(self, images: torch.Tensor, labels: torch.Tensor) -> Graph:
        with self._nothing_changed(), torch.enable_grad():
            graph: Graph = make_fx(self._joint)(*self._copies(images, labels))
        other = torch.empty_like(images).copy_(images.flip(0)).mul_(0.9)
        self._compare(graph, other, labels.roll(1))
        if self.compiled:
            graph = compiled(graph)
            if not self._draws(images, labels):  # compiled code draws other numbers
                self._compare(graph, other, labels.roll(1))
        return graph

    def _copies(self, images: torch.Tensor, labels: torch.Tensor) -> list[torch.Tensor]:
        """Return what a step takes, with copies of the buffers, which a step may change."""
        copies = [buffer.clone() for buffer in self.buffers.values()]
        return [*self.weights.values(), *copies, images, labels]

    def _draws(self, images: torch.Tensor, labels: torch.Tensor) -> bool:
        """Tell whether a step takes random numbers."""
        with torch.random.fork_rng(devices=[]):
            before = torch.get_rng_state()
            self._joint(*self._copies(images, labels))
            return not before.equal(torch.get_rng_state())

    def _compare(self, graph: Graph, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Compare what a graph gives and what it makes of the buffers with the step itself."""
        results = []
        with self._nothing_changed():
            for function in (self._joint, graph):
                inputs = self._copies(images, labels)
                torch.manual_seed(0)
                with torch.set_grad_enabled(function != graph):
                    found = function(*inputs)
                results.append([*found, *inputs[len(self.weights) : -2]])
        for expected, result in zip(*results, strict=True):
            if expected is None or result is None:
                same = expected is result
            elif expected.is_floating_point():
                far = (expected - result).double().norm()
                same = bool(far <= _ROUNDING * expected.double().norm() + 1e-6)
            else:
                same = expected.equal(result)
            if not same:
                raise NotRecordableError("a recording of its step computes something else")

    @contextmanager
    def _nothing_changed(self) -> Iterator[None]:
        """Put PyTorch's random numbers back; refuse changes that cannot be put back or recorded."""
        drawn, before = random.getstate(), self._attributes()
        with torch.random.fork_rng(devices=[]):
            yield
        after = self._attributes()
        if drawn != random.getstate() or len(before) != len(after):
            raise NotRecordableError("its forward pass decides by Python's random numbers")
        if any(a is not b for a, b in zip(before, after, strict=True)):
            raise NotRecordableError("its forward pass sets attributes of its own")

    def _attributes(self) -> list[object]:
        """Return every attribute of every part, and what lists and dicts among them hold."""
        found: list[object] = []
        for part in self.model.modules():
            for name, value in vars(part).items():
                if name in ("_parameters", "_buffers"):
                    continue
                found.append(value)
                if isinstance(value, dict):
                    found.extend(value.values())
                elif isinstance(value, (list, set)):
                    found.extend(value)
        return found


def _add(weight: nn.Parameter, gradient: torch.Tensor) -> None:
    """Add to the gradient of a weight, in the layout that the optimizer's kernels rely on."""
    if weight.grad is not None:
        gradient = weight.grad + gradient
    if gradient.stride() != weight.stride():
        gradient = torch.empty_like(weight).copy_(gradient)
    weight.grad = gradient
