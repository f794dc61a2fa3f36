"""The network to train, evaluate or predict with, from what a user typed."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import torch
from torch import nn

from shapescope.diagnostic import Diagnostic, Severity, ShapescopeError
from shapescope.networks.registry import NETWORKS, NetworkEntry, find
from shapescope.training.checkpoint import mismatch

_NORMALISED = (
    "forward ends in a softmax, and the loss takes raw scores and has a softmax of its own: it "
    "trains slowly; return the scores as the last layer gives them"
)


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A network that was named.

    Attributes:
        spec: what names it again: a document network's name, or the file with its class.
        entry: the document network it is, if it is one.
    """

    spec: str
    entry: NetworkEntry | None

    @property
    def title(self) -> str:
        """What to call it in messages and file names."""
        if self.entry is not None:
            return self.entry.name
        return self.spec.rpartition(":")[2].partition("(")[0] or self.spec

    def build(self, seed: int, classes: int | None = None) -> nn.Module:
        """Return a fresh network on the CPU, in eval mode.

        Args:
            seed: of its first weights.
            classes: how many outputs are wanted; a document network that takes ``num_classes`` is
                made with so many.

        Raises:
            ShapescopeError: its constructor raises.
        """
        if self.entry is None:
            from shapescope.capture.loader import load

            return load(self.spec).build("cpu", seed=seed).module
        module, _, name = self.entry.factory.partition(":")
        factory = getattr(import_module(module), name)
        arguments: dict[str, Any] = {}
        if classes is not None and "num_classes" in inspect.signature(factory).parameters:
            arguments["num_classes"] = classes
        torch.manual_seed(seed)
        model = factory(**arguments)
        assert isinstance(model, nn.Module)
        return model.eval()


def named(spec: str) -> NamedModel:
    """Return the network of a name, or the user's model that a spec names.

    Raises:
        ShapescopeError: there is no such network.
    """
    entry = find(spec)
    if entry is not None:
        return NamedModel(entry.name, entry)
    from shapescope.capture.loader import load

    loaded = load(spec)  # says what is wrong with a name that is none
    return NamedModel(loaded.name, loaded.entry)  # a bare file with its class


def recognised(weights: Mapping[str, torch.Tensor], origin: str) -> NamedModel:
    """Return the document network that bare weights belong to, by their names and shapes.

    Raises:
        ShapescopeError: they are of none of them.
    """
    for entry in NETWORKS:
        candidate = NamedModel(entry.name, entry)
        if mismatch(candidate.build(0), weights) is None:
            return candidate
    known = ", ".join(entry.name for entry in NETWORKS)
    raise ShapescopeError(
        f"{origin} holds weights of none of the networks {known}: say which model it is with "
        "--model"
    )


def channels_of(model: nn.Module) -> int | None:
    """Return the channels of the images a model takes, from its first convolution, or None."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    return None


def check_fit(
    model: nn.Module, name: NamedModel, images: torch.Tensor, classes: int
) -> tuple[str, ...]:
    """Make sure that a model takes these images and gives a score for every class.

    Args:
        model: the network.
        name: what it is called.
        images: a few prepared images, N x C x H x W.
        classes: how many classes there are.

    Returns:
        Notes on what can be trained and will not train well.

    Raises:
        ShapescopeError: it does not, with exit code 1; for a user's own model with the diagnosis
            of a trace where it finds the reason.
    """
    shape = " x ".join(str(size) for size in images.shape)
    sizes = ",".join(map(str, images.shape))
    command = shlex.join(("shapescope", "trace", name.spec, "--input", sizes))
    training = model.training
    try:
        with torch.no_grad():
            scores = model.eval()(images)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        found = _diagnosis(name, images)
        if found is not None:
            note = f"the images, as the recipe prepares them, are {shape}"
            told = replace(found, notes=(*found.notes, note))
            raise ShapescopeError(told, exit_code=1) from error
        raise ShapescopeError(
            f"{name.title} cannot take these images, {shape}: {line}",
            exit_code=1,
            advice=(f"{command} shows where and why",),
        ) from error
    finally:
        model.train(training)
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or len(scores) != len(images):
        given = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise ShapescopeError(
            f"{name.title} gives {given} for images of {shape}; training wants one row of class "
            f"scores an image: {len(images)} x {classes}",
            exit_code=1,
            advice=(_advice(scores), command),
        )
    if scores.shape[1] < classes:
        raise ShapescopeError(
            f"{name.title} has {scores.shape[1]} outputs and the images have {classes} classes",
            exit_code=1,
            advice=(f"give its last layer {classes} outputs",),
        )
    notes = [_NORMALISED] if _are_probabilities(scores) else []
    unused = scores.shape[1] - classes
    if unused:
        be = "is" if unused == 1 else "are"
        notes.append(
            f"{scores.shape[1]} outputs for {classes} classes: {unused} of them {be} never right"
        )
    return tuple(notes)


def check_trainable(model: nn.Module, name: NamedModel) -> None:
    """Make sure that there is something to train.

    Raises:
        ShapescopeError: the model has no parameters, or all of them are frozen; exit code 1.
    """
    parameters = list(model.parameters())
    if not parameters:
        raise ShapescopeError(
            f"{name.title} has no parameters: there is nothing to train", exit_code=1
        )
    if not any(parameter.requires_grad for parameter in parameters):
        raise ShapescopeError(
            f"every parameter of {name.title} is frozen (requires_grad is False): there is "
            "nothing to train",
            exit_code=1,
        )


def _diagnosis(name: NamedModel, images: torch.Tensor) -> Diagnostic | None:
    """Return why a user's own model fails on images of this shape, if a trace finds the reason."""
    if name.entry is not None:
        return None
    import shapescope

    found = shapescope.trace(name.spec, tuple(images.shape)).diagnostics
    return next((each for each in found if each.severity is Severity.ERROR), None)


def _are_probabilities(scores: torch.Tensor) -> bool:
    """Tell whether each row of scores is what a softmax gives."""
    sums = scores.sum(1)
    return bool((scores >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-3))


def _advice(scores: object) -> str:
    """Return what to change where a model gives something other than rows of scores."""
    if isinstance(scores, torch.Tensor):
        return "end forward with x.flatten(1) and a linear layer with one output a class"
    if isinstance(scores, Mapping):
        return f"return one of its values from forward: {', '.join(map(repr, scores))}"
    return "return the scores alone from forward"
