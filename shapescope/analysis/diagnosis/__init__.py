"""Diagnosis: from a trace, and what else was found out, to what is wrong and why."""

from __future__ import annotations

from shapescope.analysis.batch import Evidence
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal
from shapescope.analysis.diagnosis.registry import RuleInfo, explain_failure, rules, scan
from shapescope.diagnostic import Diagnostic, Severity
from shapescope.trace import Trace

__all__ = [
    "Case",
    "Evidence",
    "Finding",
    "Proposal",
    "RuleInfo",
    "diagnose",
    "find",
    "rules",
]

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def diagnose(trace: Trace, *, evidence: Evidence | None = None) -> tuple[Diagnostic, ...]:
    """What is wrong or worth knowing, errors first.

    Args:
        trace: one forward pass, whole or up to where it failed.
        evidence: what other passes showed; without it, only what this trace shows is said.
    """
    return tuple(found.diagnostic for found in find(trace, evidence=evidence))


def find(trace: Trace, *, evidence: Evidence | None = None) -> tuple[Finding, ...]:
    """As `diagnose`, each with the edits worth trying."""
    case = Case(trace, evidence or Evidence())
    found: list[Finding] = []
    if trace.failure is not None:
        first = next(explain_failure(case), None)
        if first is not None:
            found.append(first)
    found += scan(case)
    return tuple(sorted(found, key=lambda one: _ORDER[one.diagnostic.severity]))
