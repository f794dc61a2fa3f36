"""A squeeze that took the axis of a single sample along, and a step behind it that fails."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, finding, label
from shapescope.analysis.diagnosis.history import chain_to, ints
from shapescope.analysis.diagnosis.registry import causing
from shapescope.analysis.diagnosis.rules.lost import SQUEEZED
from shapescope.analysis.diagnosis.words import here, primary, shape_text
from shapescope.analysis.fixes.batch import without_call
from shapescope.analysis.fixes.picks import dim_of, squeeze_named
from shapescope.attrs import LinearAttrs
from shapescope.trace import Step


@causing
def single_sample_squeezed(case: Case) -> Iterator[Finding]:
    """A batch of one dropped on the way to what fails."""
    trace, failed = case.trace, case.failed
    if failed is None or not any(1 in spec.shape[:2] for spec in trace.inputs):
        return
    if _lacks_features(failed):
        return
    for step in reversed(chain_to(trace, failed)[:-1]):
        if step.op != "squeeze" or not step.outputs or not step.inputs:
            continue
        sizes, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
        dim = dim_of(step)
        others = [at for at, size in enumerate(sizes) if size == 1 and at]
        # A row that keeps its features alone has lost its batch; so has a squeeze of everything.
        lost = len(sizes) > 1 and sizes[0] == 1 and dim in (None, 0, -len(sizes))
        if not lost or len(made) > (1 if dim is not None or not others else len(sizes)):
            continue
        yield _finding(failed, step, sizes, made, others if dim is None else [])
        return


def _lacks_features(step: Step) -> bool:
    """Whether it would fail with the axis as well: its features are not those it takes."""
    attrs = step.attrs
    return (
        isinstance(attrs, LinearAttrs)
        and bool(step.inputs)
        and step.inputs[0].shape[-1:] != (attrs.in_features,)
    )


def _finding(
    failed: Step, step: Step, sizes: tuple[int, ...], made: tuple[int, ...], others: list[int]
) -> Finding:
    dim = dim_of(step)
    how = "squeeze without an axis drops every axis of 1"
    if dim is not None:
        how = f"squeeze({dim}) drops axis 0 where it is 1, and that is the batch"
    return finding(
        SQUEEZED,
        f"a batch of 1 loses its axis at this line: {shape_text(sizes)} becomes {shape_text(made)}",
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            label(failed.call_site, f"fails: {here(failed)}"),
        ),
        why=(f"{how}; with two samples or more it stays",),
        proposals=squeeze_named(step, others) if others else without_call(step),
    )
