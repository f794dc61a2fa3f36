"""One real step of an edited model, forwards and backwards, as training would take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from shapescope.capture.inputs import InputSpec, make_inputs, make_target
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.passes import nothing_changes_outside
from shapescope.capture.subject import Subject
from shapescope.capture.tensors import tensors_in
from shapescope.capture.traced import Target
from shapescope.ops import known_macs
from shapescope.trace import Trace

__all__ = ["is_short", "runs_for_real"]

_MOST_MACS = 10**8
_MOST_PARAMS = 3 * 10**6
_MOST_STEPS = 2_000


def is_short(trace: Trace) -> bool:
    """Whether a real step takes some tens of milliseconds at most on one thread."""
    if len(trace.steps) > _MOST_STEPS or sum(param.numel for param in trace.params) > _MOST_PARAMS:
        return False
    return known_macs(trace.steps) <= _MOST_MACS


def runs_for_real(
    model: LoadedModel | nn.Module,
    specs: Sequence[InputSpec],
    *,
    train: bool = False,
    target: Target | None = None,
) -> bool:
    """Whether forward and backward run on real tensors, from the loss or the sum of all outputs.

    Args:
        model: read anew; a live one is copied.
        specs: what it is fed.
        train: in training mode.
        target: what the loss compares the first output with.
    """
    subject = Subject(model)
    try:
        with subject.environment(), nothing_changes_outside(True):
            module = subject.on("cpu").train(train)
            args, kwargs = make_inputs(specs, module, device="cpu")
            output = module(*args, **kwargs)
            total = _total(output, target)
            if total is not None and total.requires_grad:
                total.backward()  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001  # the user's code may raise anything: that is the answer
        return False
    return True


def _total(output: Any, target: Target | None) -> Tensor | None:
    tensors = [tensor for tensor in tensors_in(output) if tensor.is_floating_point()]
    if target is not None and tensors:
        wanted = make_target(target.spec, device="cpu")
        if target.loss == "binary_cross_entropy":
            wanted = wanted.sigmoid()  # it takes probabilities alone
        loss: Tensor = getattr(nn.functional, target.loss)(tensors[0], wanted)
        return loss
    sums = [tensor.sum() for tensor in tensors]
    return sum(sums[1:], sums[0]) if sums else None
