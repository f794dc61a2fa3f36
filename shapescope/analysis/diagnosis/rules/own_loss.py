"""A loss that forward computes itself, and whose scores and targets do not go together."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import failing
from shapescope.analysis.diagnosis.rules.loss import CLASSES, ROWS
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.operands import wrap
from shapescope.trace import Step


@failing("cross_entropy", "nll_loss")
def own_loss(case: Case) -> Iterator[Finding]:
    """Why a loss of scores, called in forward, refuses what arrives."""
    step = case.failed
    if step is None or len(step.inputs) < 2 or step.call_site is None:
        return
    scores, targets = (ints(spec.shape) for spec in step.inputs[:2])
    whole = not step.inputs[1].dtype.startswith("float")
    if not scores or not targets or not whole or len(scores) < 2:
        return
    rule, why = ROWS, f"{name_of(step)} takes batch x classes, and one class for each row"
    proposals: list[Proposal] = []
    if scores[:-1] == targets and len(scores) > 2:
        rule = CLASSES
        why = (
            f"{name_of(step)} takes the classes on axis 1: {shape_text(scores)} has {scores[1]} "
            f"there, and {scores[-1]} on the last axis"
        )
        order = ", ".join(map(str, (0, len(scores) - 1, *range(1, len(scores) - 1))))
        turn = ".transpose(1, 2)" if len(scores) == 3 else f".permute({order})"
        proposals += _around(step, 0, turn, f"bring the {scores[-1]} classes to axis 1")
    elif len(targets) == len(scores) and targets == (scores[0], 1, *scores[2:]):
        proposals += _around(step, 1, ".squeeze(1)", "drop the axis of 1 of the targets")
    elif targets == scores:
        why = f"{name_of(step)} takes numbers of classes, or floats as probabilities of each"
        proposals += _around(step, 1, ".argmax(1)", "name the class of each one-hot row")
    elif len(targets) == 1 and (rows := _laid_flat(case, step)) is not None and rows[1] == scores:
        why = f"{shape_text(scores)} flags laid flat are {targets[0]}, and no numbers of classes"
        proposals.append(rows[0])
    yield finding(
        rule,
        f"{name_of(step)} gets {shape_text(scores)} scores for {shape_text(targets)} targets",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(why,),
        proposals=proposals,
    )


def _laid_flat(case: Case, step: Step) -> tuple[Proposal, tuple[int, ...]] | None:
    """One-hot targets that a view makes one long row: each row's class instead, and their shape."""
    maker = case.source(step, 1)
    call = None if maker is None else call_at(maker.call_site)
    if maker is None or maker.op not in ("view", "reshape", "flatten") or call is None:
        return None
    if call.receiver is None:
        return None
    text = f"{call.code.text(call.receiver)}.argmax(1)"
    edit = call.code.replace(call.node, text)
    said = Proposal("name the class of each one-hot row", (edit,), kind="loss")
    return said, ints(maker.inputs[0].shape)


def _around(step: Step, place: int, method: str, message: str) -> Iterator[Proposal]:
    made = wrap(step, place, "", method)
    if made is not None:
        yield Proposal(message, (made[0].replace(made[1], made[2]),), kind="loss")
