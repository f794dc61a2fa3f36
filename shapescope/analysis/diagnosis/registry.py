"""The registry of rules: their names, what each says, and the functions that look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shapescope.analysis.diagnosis.finding import Case, Finding, Rule
from shapescope.analysis.diagnosis.rules import load_all, load_for, place_of


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule's name, as printed in brackets, and what it is about in one line."""

    name: str
    summary: str


_RULES: dict[str, RuleInfo] = {}
_BY_OP: dict[str, list[Rule]] = {}
_ANY_FAILURE: list[Rule] = []
_CAUSES: list[Rule] = []
_WHOLE_TRACE: list[Rule] = []


def declare(name: str, summary: str) -> str:
    """Add a rule by name.

    Raises:
        ValueError: the name is taken.
    """
    if name in _RULES:
        raise ValueError(f"rule {name} is declared twice")
    _RULES[name] = RuleInfo(name, summary)
    return name


def failing(*ops: str) -> Callable[[Rule], Rule]:
    """Mark a function that explains why a step of one of these ops failed; none means any op."""

    def add(function: Rule) -> Rule:
        for op in ops:
            _BY_OP.setdefault(op, []).append(function)
        if not ops:
            _ANY_FAILURE.append(function)
        return function

    return add


def causing(function: Rule) -> Rule:
    """Mark a function that looks for the cause of a failure before the failing step's own rules."""
    _CAUSES.append(function)
    return function


def scanning(function: Rule) -> Rule:
    """Mark a function that looks through a whole trace, failed or not."""
    _WHOLE_TRACE.append(function)
    return function


def rules() -> tuple[RuleInfo, ...]:
    """Every rule, by name."""
    load_all()
    return tuple(_RULES[name] for name in sorted(_RULES))


def explain_failure(case: Case) -> Iterator[Finding]:
    """What led to a failure, what the rules for the failing step's op find, those for any."""
    load_all()
    from shapescope.analysis.diagnosis.rules.layers import from_own_files

    step = case.failed
    known = () if step is None else _BY_OP.get(step.op, ())
    for rule in (*_in_order(_CAUSES), *_in_order(known), *_in_order(_ANY_FAILURE)):
        for found in rule(case):
            yield from_own_files(case, found)


def scan(case: Case) -> Iterator[Finding]:
    """What the rules that look at whole traces find."""
    load_for(case)
    for rule in _in_order(_WHOLE_TRACE):
        yield from rule(case)


def _in_order(rules: Sequence[Rule]) -> list[Rule]:
    """Rules in the order of their families, whichever was read first."""
    return sorted(rules, key=place_of)
