"""Diagnosis: from a trace, and what else was found out, to what is wrong and why."""

from __future__ import annotations

from collections.abc import Iterable

from shapescope.analysis.batch import Evidence
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal
from shapescope.analysis.diagnosis.loss_steps import loss_of, without_loss
from shapescope.analysis.diagnosis.registry import RuleInfo, explain_failure, rules, scan
from shapescope.diagnostic import Severity
from shapescope.trace import Trace

__all__ = [
    "Case",
    "Evidence",
    "Finding",
    "Proposal",
    "RuleInfo",
    "find",
    "rules",
]


def _distinct(found: Iterable[Finding]) -> list[Finding]:
    """One finding for a rule and a step: the severest, where two ways led to it."""
    kept: dict[tuple[str, int | None], Finding] = {}
    for one in found:
        key = (one.diagnostic.rule, one.diagnostic.step)
        if key not in kept or one.diagnostic.severity is Severity.ERROR:
            kept[key] = one
    return list(kept.values())


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def find(trace: Trace, *, evidence: Evidence | None = None) -> tuple[Finding, ...]:
    """What is wrong or worth knowing, errors first, each with the edits worth trying.

    Args:
        trace: one forward pass, whole or up to where it failed.
        evidence: what other passes showed; without it, only what this trace shows is said.
    """
    loss = loss_of(trace)
    bare = trace if loss is None else without_loss(trace, loss)
    loss_failed = trace.failure is not None and bare.failure is None
    case = Case(bare, evidence or Evidence(), loss, loss_failed)
    found = _distinct(scan(case))
    if bare.failure is not None and not any(_is_cause(one) for one in found):
        first = next(explain_failure(case), None)
        found = found if first is None else _distinct([first, *found])
    if loss_failed and not any(one.diagnostic.severity is Severity.ERROR for one in found):
        found += list(explain_failure(Case(trace)))[:1]
    return tuple(sorted(found, key=lambda one: _ORDER[one.diagnostic.severity]))


def _is_cause(one: Finding) -> bool:
    """Whether this is an error of the constructor: what fails in forward only follows of it."""
    return one.diagnostic.severity is Severity.ERROR and one.diagnostic.step is None
