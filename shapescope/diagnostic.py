"""What is said when something is wrong: plain data, made by rules, turned into text by render."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from shapescope.notebook import Shown
from shapescope.trace import SourceSpan


class Severity(StrEnum):
    """How much it matters: an error fails `check`, a warning is shown, a note explains."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Label:
    """A span of source and what is there; the primary label is where the trouble shows."""

    span: SourceSpan
    text: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of one span of source.

    A span that starts and ends at the same place inserts; its text then carries its own newline.
    """

    span: SourceSpan
    replacement: str


@dataclass(frozen=True, slots=True)
class Help:
    """A way to mend the trouble.

    `verified` says that the edited source (or the other input) was traced again and held for two
    batch sizes; `changes_parameters` says that a weight changes its shape, so that checkpoints
    of the old model no longer load. With `inline` the message shows the edited code itself.
    `inputs` are what to feed instead, each as `--input` takes it; () where the inputs stay.
    `then` are the parts of the message that speak of what had to follow.
    """

    message: str
    edits: tuple[Edit, ...] = ()
    verified: bool = False
    changes_parameters: bool = False
    inline: bool = field(default=False, compare=False)
    inputs: tuple[str, ...] = field(default=(), compare=False)
    then: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Diagnostic(Shown):
    """One finding: what, where, why with this model's own numbers, and how to mend it.

    `message` is lowercase without full stop or advice; advice stands only in `help`, two at most.
    `why` holds arithmetic, a line each; `notes` the design behind the numbers; `step` the index of
    the step it speaks of, and `detail` torch's own words, shown only when asked for.
    """

    rule: str
    severity: Severity
    message: str
    labels: tuple[Label, ...] = ()
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[Help, ...] = ()
    step: int | None = field(default=None, compare=False)
    detail: str = field(default="", compare=False)

    @property
    def primary(self) -> Label | None:
        """The label under which the trouble shows, if the source is known."""
        return next((label for label in self.labels if label.primary), None)


class ShapescopeError(Exception):
    """A request that cannot be met, or a model that cannot be built.

    Carries the Diagnostic to print and the exit code: 2 where the request is wrong, 1 where the
    model is at fault. A plain string becomes a diagnostic of the rule `request`.
    """

    def __init__(
        self, problem: str | Diagnostic, *, exit_code: int = 2, advice: tuple[str, ...] = ()
    ) -> None:
        if isinstance(problem, str):
            problem = Diagnostic(
                rule="request",
                severity=Severity.ERROR,
                message=problem,
                help=tuple(Help(line) for line in advice),
            )
        super().__init__(problem.message)
        self.diagnostic = problem
        self.exit_code = exit_code


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` where something known is close to the word, else nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
