"""What a rule gives: a Diagnostic, and the edits that are worth trying."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from shapescope.analysis.batch import Evidence
from shapescope.diagnostic import Diagnostic, Edit, Label, Severity
from shapescope.trace import Shape, SourceSpan, Step, Trace


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit, or another input, that may mend what was found; not tried yet.

    Attributes:
        message: what it does, in the words of the help.
        edits: what to change in the source, all of it together.
        shapes: the sizes to feed instead, one shape for each input.
        suffix: what follows the message and its remark on weights.
        remark: what to say of the weights where none changes.
        kind: of several proposals of one kind only the first that holds is shown.
        rules_out: proposals of this kind are no help where this one holds.
        same_maps: it holds only if the outputs are as high and wide as the input.
        inline: the message shows the edited code itself, so the lines need not be drawn.
        follow: trouble that shows only afterwards may be mended in the same go.
        names_next: the message says already that the layer behind takes what arrives then.
    """

    message: str
    edits: tuple[Edit, ...] = ()
    shapes: tuple[Shape, ...] | None = None
    suffix: str = ""
    remark: str = ""
    kind: str = ""
    rules_out: str = ""
    same_maps: bool = False
    inline: bool = False
    follow: bool = True
    names_next: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a rule with its proposals, the best first."""

    diagnostic: Diagnostic
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule looks at: the model's trace, and the loss behind it if one was computed."""

    trace: Trace
    evidence: Evidence = field(default_factory=Evidence)
    loss: Step | None = None
    loss_failed: bool = False

    @property
    def failed(self) -> Step | None:
        """The step that failed."""
        failure = self.trace.failure
        return None if failure is None or failure.step is None else self.trace.steps[failure.step]

    @property
    def batch(self) -> int | None:
        """The size of axis 0 of the first input that has axes."""
        for spec in self.trace.inputs:
            if spec.shape:
                size = spec.shape[0]
                return size if isinstance(size, int) else None
        return None

    def source(self, step: Step, position: int = 0) -> Step | None:
        """The step that made an input of `step`; None for what came from outside."""
        pairs = step.input_sources()
        if position >= len(pairs) or pairs[position][1] is None:
            return None
        return self.trace.steps[pairs[position][1] or 0]


def finding(
    rule: str,
    message: str,
    *,
    step: Step | None,
    severity: Severity = Severity.ERROR,
    labels: Iterable[Label | None] = (),
    why: Sequence[str] = (),
    notes: Iterable[str | None] = (),
    proposals: Iterable[Proposal | None] = (),
    detail: str = "",
) -> Finding:
    """A finding, None entries left out; two labels on one span become one."""
    return Finding(
        Diagnostic(
            rule=rule,
            severity=severity,
            message=message,
            labels=_distinct(labels),
            why=tuple(why),
            notes=tuple(note for note in notes if note),
            step=None if step is None else step.index,
            detail=detail,
        ),
        tuple(proposal for proposal in proposals if proposal is not None),
    )


def _distinct(labels: Iterable[Label | None]) -> tuple[Label, ...]:
    found: dict[SourceSpan, Label] = {}
    for label in labels:
        if label is not None and label.span not in found:
            found[label.span] = label
    return tuple(found.values())


def label(span: SourceSpan | None, text: str) -> Label | None:
    """A label, or None where the source is not known."""
    return None if span is None else Label(span, text)


Rule = Callable[[Case], Iterator[Finding]]
