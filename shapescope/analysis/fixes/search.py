"""The trial of proposals: each edited source is traced again before anybody sees it.

A proposal holds if the edited model runs for two batch sizes, keeps the batch as it was meant and
gives no error or warning that was not there before; a small model also takes a real step forwards
and backwards. Trouble that only shows then is mended in the same go, if that takes few edits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from shapescope.analysis.batch import Evidence, is_unbatched
from shapescope.analysis.diagnosis import find
from shapescope.analysis.diagnosis.finding import Finding, Proposal
from shapescope.analysis.diagnosis.loss_steps import loss_of, without_loss
from shapescope.analysis.fixes.apply import edited, edits_between
from shapescope.analysis.fixes.outcome import (
    carries,
    changed_weights,
    keeps_batch,
    moved_on,
    reads_time_first,
    renamed_weights,
    same_maps,
)
from shapescope.analysis.fixes.retracing import Retrace
from shapescope.analysis.fixes.wording import (
    first_things_first,
    remark_on,
    shared_by,
    without_detours,
)
from shapescope.diagnostic import Edit, Help, Severity
from shapescope.source_text import absolute_path, overridden, source_text
from shapescope.trace import Step, Trace

MOST_HELPS = 2
_MOST_TRIALS = 24
_MOST_FOLLOWING = 5
_SHARE = 8

Place: TypeAlias = tuple[str, str]
"""A rule, and the path and op it speaks of."""

Turn: TypeAlias = tuple[str, str, str]
"""A rule, the path and op it speaks of, and the kind of edit that answered it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An edited model that holds: its texts, its trace, and what was done after the first edit."""

    texts: Mapping[str, str]
    trace: Trace
    then: tuple[str, ...] = ()


@dataclass(slots=True)
class Search:
    """The trials for one model, and how many are left.

    Attributes:
        trace: of the model as it is.
        retrace: traces it again.
        other_batch: a batch size other than the trace's.
        known: the rules that already warned about the model as it is, and of which step.
    """

    trace: Trace
    retrace: Retrace
    other_batch: int
    known: frozenset[Place] = frozenset()
    left: int = _MOST_TRIALS
    _read: dict[str, str] = field(default_factory=dict)
    _kept: int = 0

    def helps(self, found: Finding) -> tuple[Help, ...]:
        """The proposals of a finding that hold, at most two."""
        helps: list[Help] = []
        results: list[Mapping[str, str]] = []
        changes: list[frozenset[str]] = []
        kinds: set[str] = set()
        messages: set[str] = set()
        for proposal in found.proposals:
            if len(helps) == MOST_HELPS or self.left <= 0:
                break
            if proposal.kind in kinds or proposal.message in messages:
                continue
            trial = self.tried(proposal, found)
            if trial is None or (trial.texts in results and proposal.shapes is None):
                continue
            if not self.retrace.runs(trial.texts, trial.trace, proposal.shapes):
                continue
            results.append(trial.texts)
            kinds |= {proposal.kind, proposal.rules_out} - {""}
            messages.add(proposal.message)
            helps.append(self._help(proposal, trial))
            changes.append(self._changes(trial))
        return without_detours(helps, changes)

    def tried(self, proposal: Proposal, found: Finding) -> Trial | None:
        """The edited model, if it holds."""
        texts = self._edited({}, proposal.edits)
        if texts is None:
            return None
        further = _MOST_FOLLOWING if proposal.follow else 0
        # One way that leads ever further must not use up the trials of those behind it.
        self._kept = self.left - max(_SHARE, self.left // 2)
        return self._follow(
            texts, proposal, frozenset({_turn(self.trace, found, proposal)}), further
        )

    def _follow(
        self, texts: Mapping[str, str], proposal: Proposal, turns: frozenset[Turn], further: int
    ) -> Trial | None:
        """Trace edited texts; where something else is wrong now, mend that too.

        Args:
            texts: by absolute path, as edited so far.
            proposal: what was tried first.
            turns: what was done already: the same complaint of the same layer, met again in the
                same way, says that the way leads nowhere.
            further: how many more edits may follow.
        """
        self.left -= 1
        trace = self.retrace(texts, shapes=proposal.shapes)
        if trace is None:
            return None
        failure = trace.failure
        if failure is None:
            problem = self._problem(texts, trace, proposal)
            if problem is None:
                return Trial(texts, trace)
            following = problem
        else:
            if not proposal.edits or not moved_on(self.trace, trace):
                return None
            with _as_edited(texts):
                following = [one for one in find(trace) if one.diagnostic.severity == "error"][:1]
        if further <= 0 or not proposal.edits:
            return None
        for one in following:
            for step in one.proposals:
                if self.left <= max(self._kept, 0):
                    return None
                turn = _turn(trace, one, step)
                if step.shapes is not None or not step.edits or (step.kind and turn in turns):
                    continue
                then = self._edited(texts, step.edits)
                if then is None or then == texts:
                    continue
                done = self._follow(then, proposal, turns | {turn}, further - 1)
                if done is not None:
                    named = proposal.names_next and step.kind == "consumer"
                    said = () if named else (step.message,)
                    return replace(done, then=(*said, *done.then))
        return None

    def _problem(
        self, texts: Mapping[str, str], trace: Trace, proposal: Proposal
    ) -> list[Finding] | None:
        """What is still wrong with an edited model that runs; None if nothing is."""
        if is_unbatched(self.trace):
            with _as_edited(texts):
                return _new(find(trace), trace, self.known) or None
        other = self.retrace(texts, shapes=proposal.shapes, batch=self.other_batch)
        if other is None or other.failure is not None:
            return []
        loss, other_loss = loss_of(trace), loss_of(other)
        whole = trace
        if loss is not None and other_loss is not None:
            trace, other = without_loss(trace, loss), without_loss(other, other_loss)
        if proposal.same_maps and not same_maps(trace):
            return []
        if not keeps_batch(trace, other) and not self._keeps_second(texts, trace, proposal):
            with _as_edited(texts):
                return _new(find(whole, evidence=Evidence(other)), whole, frozenset())
        with _as_edited(texts):
            evidence = self.retrace.evidence(texts, trace, other)
            left = _new(find(whole, evidence=evidence), whole, self.known)
        return left or None

    def _keeps_second(self, texts: Mapping[str, str], trace: Trace, proposal: Proposal) -> bool:
        """Whether the batch is axis 1 of the inputs, time first, and every output keeps it."""
        if proposal.shapes is not None or not reads_time_first(trace):
            return False
        size = trace.inputs[0].shape[1]
        shapes = [
            tuple(
                self.other_batch if at == len(spec.shape[:2]) - 1 and n == size else n
                for at, n in enumerate(spec.shape)
            )
            for spec in trace.inputs
        ]
        other = self.retrace(texts, shapes=shapes)
        return (
            other is not None
            and other.failure is None
            and carries(trace, other, size, self.other_batch)
        )

    def _edited(self, texts: Mapping[str, str], edits: Sequence[Edit]) -> dict[str, str] | None:
        """Texts with edits made; None where a file may not be edited or edits clash."""
        by_path = [(absolute_path(edit.span.file), edit) for edit in edits]
        if any(path not in self.retrace.editable for path, _ in by_path):
            return None
        changed = dict(texts)
        for path in dict.fromkeys(path for path, _ in by_path):
            before = changed.get(path) or self._text(path)
            if before is None:
                return None
            own = [edit for where, edit in by_path if where == path]
            try:
                changed[path] = edited(before, own)
            except ValueError:
                return None
        return changed

    def _changes(self, trial: Trial) -> frozenset[str]:
        """The lines that a trial wrote."""
        return frozenset(
            line
            for path, text in trial.texts.items()
            for line in set(text.splitlines()) - set((self._text(path) or "").splitlines())
        )

    def _text(self, path: str) -> str | None:
        if path not in self._read:
            text = source_text(path)
            if text is None:
                return None
            self._read[path] = text
        return self._read[path]

    def _help(self, proposal: Proposal, trial: Trial) -> Help:
        """The help that a trial proves, with what it does to the weights."""
        edits = tuple(proposal.edits)
        if trial.texts != self._edited({}, proposal.edits):
            edits = tuple(
                edit
                for path, text in trial.texts.items()
                for edit in edits_between(path, self._text(path) or "", text)
            )
        if len(edits) > 1 and proposal.edits:
            edits = first_things_first(edits, proposal.edits)
        changed, added = changed_weights(self.trace, trial.trace)
        renamed = renamed_weights(self.trace, trial.trace)
        remark = remark_on(proposal, changed, added, shared_by(self.trace, edits), renamed)
        joint = "  " if proposal.inline else " "
        message = "; then ".join(dict.fromkeys((proposal.message, *trial.then)))
        message = f"{message}{joint}({remark})" if remark else message
        return Help(
            message + proposal.suffix,
            edits,
            verified=True,
            changes_parameters=bool(changed),
            inline=proposal.inline and len(edits) <= 1,
            then=trial.then,
        )


def _ordinal(trace: Trace, step: Step) -> int:
    """The how manieth step of its path and op it is."""
    before = trace.steps[: step.index]
    return sum((one.path, one.op) == (step.path, step.op) for one in before)


def place_of(trace: Trace, found: Finding) -> Place:
    """The rule of a finding, and the step it speaks of, by what stays the same in an edited model.

    Of several steps with one fault the first is told: the next one has to be mended as well.
    """
    number = found.diagnostic.step
    known = number is not None and number < len(trace.steps)
    step = trace.steps[number] if number is not None and known else None
    place = "" if step is None else f"{step.path} {step.op} {_ordinal(trace, step)}"
    return found.diagnostic.rule, place


def _turn(trace: Trace, found: Finding, proposal: Proposal) -> Turn:
    return *place_of(trace, found), proposal.kind


def _new(found: Iterable[Finding], trace: Trace, known: frozenset[Place]) -> list[Finding]:
    """The errors and warnings that were not known."""
    return [
        one
        for one in found
        if one.diagnostic.severity is not Severity.NOTE and place_of(trace, one) not in known
    ]


def _as_edited(texts: Mapping[str, str]) -> AbstractContextManager[None]:
    return overridden({Path(path): text for path, text in texts.items()})
