"""The totals that torchinfo and torch itself give for a model, and why they differ from ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shapescope.capture.derivatives import takes_derivatives
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.passes import nothing_changes_outside
from shapescope.capture.subject import Subject, arguments_on
from shapescope.trace import Step, Trace


@dataclass(frozen=True, slots=True)
class Peer:
    """What another tool says; `problem` tells why it says nothing."""

    name: str
    params: int | None = None
    macs: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the difference between a peer's figure and ours: by how much, and why."""

    peer: str
    figure: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Peers beside our own figures, and every difference explained; the amounts add up."""

    peers: tuple[Peer, ...]
    differences: tuple[Difference, ...]


def crosscheck(
    model: LoadedModel | nn.Module,
    inputs: Any,
    trace: Trace,
    macs: Sequence[int | None],
    *,
    train: bool = False,
) -> CrossCheck:
    """Ask torchinfo and torch about the same model with the same input, on meta.

    Args:
        model: as it was named, or live; it is copied.
        inputs: specs, or the inputs as `(args, kwargs)`.
        trace: our own trace of it.
        macs: our multiply-adds per step.
        train: run the model in training mode.
    """
    subject = Subject(model)
    ours = sum(count for count in macs if count)
    with nothing_changes_outside(gradients=torch.is_grad_enabled()):
        torchinfo, layers = _torchinfo(subject, inputs, train)
        torch_peer = _torch(subject, inputs, train)
    found: list[Difference] = []
    if torchinfo.macs is not None:
        found += _explain_macs(trace, macs, layers)
    if torchinfo.params is not None:
        found += _explain_params(trace, torchinfo.params)
    if torch_peer.macs is not None and torch_peer.macs != ours:
        reason = "ops that only one of the two has a rule for"
        found.append(Difference("torch", "MACs", torch_peer.macs - ours, reason))
    return CrossCheck((torchinfo, torch_peer), tuple(found))


def _torch(subject: Subject, inputs: Any, train: bool) -> Peer:
    """What torch itself counts on meta: unique parameters, and half of its FLOPs."""
    from torch.utils.flop_counter import FlopCounterMode

    try:
        module = subject.on("meta").train(train)
        args, kwargs = arguments_on("meta", inputs, module)
        counter = FlopCounterMode(display=False)
        with torch.set_grad_enabled(takes_derivatives(module.modules())), counter:
            module(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever the peer cannot do is its answer
        return Peer("torch", problem=_first_line(error))
    params = sum(parameter.numel() for parameter in module.parameters())
    return Peer("torch", params, counter.get_total_flops() // 2)


def _torchinfo(
    subject: Subject, inputs: Any, train: bool
) -> tuple[Peer, dict[str, tuple[str, int]]]:
    """The totals of torchinfo, and the multiply-adds it counts for each module by path."""
    import torchinfo

    try:
        module = subject.on("meta").train(train)
        args, kwargs = arguments_on("meta", inputs, module)
        summary = torchinfo.summary(
            module, input_data=list(args), device="meta", verbose=0, depth=100,
            mode="train" if train else "eval", **kwargs,
        )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - whatever the peer cannot do is its answer
        return Peer("torchinfo", problem=_first_line(error)), {}
    paths = {id(part): path for path, part in module.named_modules()}
    layers: dict[str, tuple[str, int]] = {}
    for layer in summary.summary_list:
        if layer.is_leaf_layer:
            path = paths.get(id(layer.module), "")
            _, before = layers.get(path, ("", 0))
            layers[path] = (layer.class_name, before + layer.macs)
    return Peer("torchinfo", summary.total_params, summary.total_mult_adds), layers


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    text = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {text[0][:100]}" if text else type(cause).__name__


def _explain_macs(
    trace: Trace, macs: Sequence[int | None], layers: dict[str, tuple[str, int]]
) -> list[Difference]:
    """The difference of torchinfo's multiply-adds by reason; it counts for each module by path."""
    ours: dict[str, tuple[Step, int]] = {}
    amounts: dict[str, int] = {}
    for step, count in zip(trace.steps, macs, strict=True):
        if step.kind == "function":
            if count:
                reason = "it sees no function calls"
                amounts[reason] = amounts.get(reason, 0) - count
        elif not step.is_composite:
            before = ours[step.path][1] if step.path in ours else 0
            ours[step.path] = (step, before + (count or 0))
    for path in dict.fromkeys((*ours, *layers)):
        class_name, theirs = layers.get(path, ("", 0))
        known = ours.get(path)
        own = known[1] if known is not None else 0
        if theirs != own:
            reason = _reason(known[0] if known is not None else None, class_name)
            amounts[reason] = amounts.get(reason, 0) + theirs - own
    return [
        Difference("torchinfo", "MACs", amount, reason)
        for reason, amount in amounts.items()
        if amount
    ]


def _reason(step: Step | None, class_name: str) -> str:
    if step is None:
        return f"it counts the parameters of {class_name} as multiply-adds"
    op = step.op
    if "transpose" in op:
        return "it takes a transposed convolution at its output's positions, and adds the bias"
    if op.startswith("conv"):
        return "it adds the bias of convolutions"
    if op == "linear":
        if step.inputs and len(step.inputs[0].shape) > 2:
            return "it takes linear layers once per sample, not at each position, and adds the bias"
        return "it adds the bias of linear layers"
    if "norm" in op:
        return "it adds scale and shift of normalisations"
    if op == "embedding":
        return "it counts the tables of embeddings as multiply-adds"
    if op in ("lstm", "gru", "rnn"):
        return "it adds the biases of recurrent layers"
    if op == "multi_head_attention":
        return "it does not count inside MultiheadAttention"
    return f"it counts {op} in another way"


def _explain_params(trace: Trace, theirs: int) -> list[Difference]:
    """The difference of torchinfo's parameters: tied ones, which it counts under each name."""
    ours = sum(param.numel for param in trace.params if param.key == param.name)
    if theirs == ours:
        return []
    tied = sum(param.numel for param in trace.params if param.key != param.name)
    found = []
    if tied and theirs > ours:
        amount = min(tied, theirs - ours)
        found.append(
            Difference("torchinfo", "params", amount, "it counts tied parameters under each name")
        )
    left = theirs - ours - sum(one.amount for one in found)
    if left:
        reason = "it takes parameters from the modules that were called, in its own way"
        found.append(Difference("torchinfo", "params", left, reason))
    return found
