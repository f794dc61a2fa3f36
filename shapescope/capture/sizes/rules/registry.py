"""The table of rules, and what is done for an op that has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from shapescope.capture.sizes.call import Call, Shapes
from shapescope.capture.sizes.judge import Refused
from shapescope.ops import lookup

Rule: TypeAlias = Callable[[Call], "Shapes | None"]

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for these ops."""

    def keep(function: Rule) -> Rule:
        for name in names:
            if name in RULES:
                raise ValueError(f"op {name} has two rules")
            RULES[name] = function
        return function

    return keep


def by_row(call: Call) -> Shapes | None:
    """What the op's row in the registry says.

    Raises:
        Refused: its refusal rule gives a reason.
        NotSymbolic: a rule needs plain numbers.
    """
    row, step = lookup(call.step.op), call.step
    reason = call.judge.ask_rule(step.index, lambda: row.refusal(step), refuses=True)
    if reason is not None:
        raise Refused(reason)
    return call.judge.ask_rule(step.index, lambda: row.output_shape(step))
