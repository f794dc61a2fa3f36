"""What a pass costs: parameters, multiply-adds, bytes; of a step, of a module, of the whole.

Multiply-adds are those of convolution, linear maps, products of matrices, attention and RNNs; a
FLOP is half of one. An op without a rule is named, never counted as 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapescope.analysis.step_check import verdict, verdicts
from shapescope.analysis.storage import kept_bytes, tensor_bytes
from shapescope.trace import ParamSpec, Step, Trace


def step_macs(step: Step) -> int | None:
    """Multiply-adds of one step; None where there is no rule.

    A module that was opened does nothing itself, and a step that failed did nothing: 0.
    """
    return verdict(step).macs


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of a whole pass.

    Attributes:
        params: values in all parameters, each counted once however many names it has.
        trainable_params: those that ask for a gradient.
        buffers: values in all buffers.
        macs: multiply-adds of the ops that have a rule.
        flops: twice as many.
        param_bytes: of all parameters.
        activation_bytes: of what autograd keeps for the backward pass.
        not_counted: the ops in this pass that have no rule.
    """

    params: int
    trainable_params: int
    buffers: int
    macs: int
    flops: int
    param_bytes: int
    activation_bytes: int
    not_counted: tuple[str, ...]


def unique(params: tuple[ParamSpec, ...]) -> tuple[ParamSpec, ...]:
    """Each parameter once, under its first name."""
    return tuple({param.key: param for param in reversed(params)}.values())[::-1]


def totals(trace: Trace) -> Totals:
    """The figures of the whole pass."""
    params = unique(trace.params)
    macs = 0
    not_counted: dict[str, None] = {}
    for step, found in zip(trace.steps, verdicts(trace.steps), strict=True):
        if found.macs is None:
            not_counted[step.op] = None
        else:
            macs += found.macs
    return Totals(
        params=sum(param.numel for param in params),
        trainable_params=sum(param.numel for param in params if param.trainable),
        buffers=sum(buffer.numel for buffer in trace.buffers),
        macs=macs,
        flops=2 * macs,
        param_bytes=sum(map(tensor_bytes, params)),
        activation_bytes=kept_bytes(trace),
        not_counted=tuple(not_counted),
    )


@dataclass(frozen=True, slots=True)
class ModuleCost:
    """What a step costs together with all steps inside it."""

    params: int
    macs: int


def module_costs(trace: Trace) -> tuple[ModuleCost, ...]:
    """For each step its own cost and that of all steps inside, by index.

    A parameter that several steps inside share counts once; a module called twice counts its
    parameters at each call and the multiply-adds of that call.
    """
    own: list[dict[str, int]] = [
        {param.key: param.numel for param in step.params} for step in trace.steps
    ]
    macs = [step_macs(step) or 0 for step in trace.steps]
    for step in reversed(trace.steps):
        # steps inside come later, so that from behind every child is complete before its parent
        if step.parent is not None:
            macs[step.parent] += macs[step.index]
            own[step.parent].update(own[step.index])
    return tuple(
        ModuleCost(sum(keys.values()), count) for keys, count in zip(own, macs, strict=True)
    )
