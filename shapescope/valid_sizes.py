"""Which input sizes fit a model: the question, what one pass says about it, and the answer.

Plain data, like a trace: capture makes passages, analysis turns them into an answer, render draws
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shapescope.arithmetic.expressions import Condition, Expr, Range
from shapescope.diagnostic import Diagnostic, Label
from shapescope.trace import Shape, SourceSpan, Step, TensorSpec

S = TypeVar("S", bound=tuple[Any, ...])


def without_losses(shapes: Sequence[S]) -> Sequence[S]:
    """The shapes of the outputs that have to keep the batch.

    A scalar beside other outputs is a loss or a measure of all samples; alone it is judged.
    """
    return [shape for shape in shapes if shape] or shapes


@dataclass(frozen=True, slots=True)
class FreeAxis:
    """An axis of an input that is left open; `input` counts positional inputs, then keywords."""

    name: str
    input: int
    axis: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition that held on the way through the model.

    Attributes:
        condition: what held.
        is_limit: where it does not hold, the model fails; else it goes another way.
        step: the step that asked, None where the forward itself did.
        site: the expression that asked.
        shown: the condition as the step has it, before it was simplified.
    """

    condition: Condition
    is_limit: bool = False
    step: int | None = None
    site: SourceSpan | None = field(default=None, compare=False)
    shown: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Passage:
    """One way through the model: what is true of every size that goes the same way.

    Attributes:
        sizes: the sizes it was found with.
        decisions: the conditions of this way, in order.
        fits: whether the model runs this way and keeps the batch.
        outputs: the outputs as formulas; empty where it does not run.
        steps: what ran.
        reason: why, in one line.
        doubts: what was not understood; the passage then says nothing of other sizes.
        strides: for each axis of a step with a stride, what it drops and what it leaves over.
        pinned: a formula ended in a plain number on this way: other sizes go other ways.
    """

    sizes: Mapping[str, int]
    decisions: tuple[Decision, ...]
    fits: bool
    outputs: tuple[tuple[Expr, ...], ...] = ()
    steps: tuple[Step, ...] = ()
    reason: str = ""
    doubts: tuple[str, ...] = ()
    strides: tuple[tuple[Expr, Expr], ...] = ()
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A set of sizes: each axis in one of its ranges, and every condition true."""

    ranges: Mapping[str, tuple[Range, ...]]
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """A limit, the axes it binds, and who sets it."""

    axes: tuple[str, ...]
    text: str
    condition: str
    step: int | None = None
    path: str | None = None
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """The outputs that one choice of sizes gives."""

    sizes: Mapping[str, int]
    outputs: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class ValidSizes:
    """The answer of `shapescope sizes`; its page in the documentation says what each part means.

    `for_every_batch` is False where the forward goes by the batch, and only batches of 2 and 3
    were looked at. `without_batch` is an output that does not start with the batch, where the model
    runs as it was asked to and that alone keeps every size from fitting.
    """

    model: str
    mode: str
    inputs: tuple[TensorSpec, ...]
    axes: tuple[FreeAxis, ...]
    valid: tuple[Part, ...]
    searched_to: int | None
    as_asked: Mapping[str, int]
    as_asked_fits: bool
    built_for: Mapping[str, int] | None
    ranges_if_square: tuple[Range, ...] | None
    reasons: tuple[Reason, ...] = ()
    gives: tuple[Given, ...] = ()
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    for_every_batch: bool = True
    without_batch: Shape | None = None
