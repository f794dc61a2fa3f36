"""A single sample without its batch axis, which a convolution takes and a later layer does not."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, finding, label
from shapescope.analysis.diagnosis.history import chain_to, ints, spatial_axes
from shapescope.analysis.diagnosis.rules.names import MISSING_AXIS
from shapescope.analysis.diagnosis.words import here, name_of, plural, primary, shape_text
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.attrs import ConvAttrs, LinearAttrs
from shapescope.trace import Step


def sample_alone(case: Case, step: Step) -> Iterator[Finding]:
    """A map without a batch at the start of the way: its channels then pass for the batch."""
    trace = case.trace
    for first in chain_to(trace, step)[:-1]:
        if not isinstance(first.attrs, ConvAttrs) or not first.inputs:
            continue
        axes, sizes = spatial_axes(first), ints(first.inputs[0].shape)
        if len(sizes) != axes + 1:
            return
        arriving = ints(step.inputs[0].shape)
        yield finding(
            MISSING_AXIS,
            f"{shape_text(sizes)} is one sample without a batch axis",
            step=first,
            labels=(
                primary(first.call_site, here(first)),
                label(step.call_site, here(step)),
            ),
            why=(
                (
                    f"`{name_of(first)}` takes it as one map of {plural(sizes[0], 'channel')} "
                    f"and gives {shape_text(first.outputs[0].shape)}"
                ),
                (
                    f"`{name_of(step)}` {_wants(step)}gets {shape_text(arriving)}: the "
                    f"{arriving[0]} channels stand where the batch belongs"
                ),
            ),
            proposals=edit_operand(
                first, trace, ".unsqueeze(0)", "add the batch axis, if single samples are meant"
            ),
        )
        return


def _wants(step: Step) -> str:
    if isinstance(step.attrs, LinearAttrs):
        return f"takes {plural(step.attrs.in_features, 'feature')}, and "
    return "then "
