"""Layer norm and group norm of other features than arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shapescope.analysis.code import constructor_of
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import chain_to, ints, spatial_axes
from shapescope.analysis.diagnosis.registry import failing
from shapescope.analysis.diagnosis.rules.layers import (
    channel_maker,
    make_instead,
    maker_of,
    places,
)
from shapescope.analysis.diagnosis.rules.norms import FEATURES, axis_proposals
from shapescope.analysis.diagnosis.words import arrive, name_of, plural, shape_text
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.attrs import NormAttrs


@failing("layer_norm", "rms_norm")
def shape_norm(case: Case) -> Iterator[Finding]:
    """Why a layer norm refuses what arrives."""
    step = case.failed
    if step is None or not isinstance(step.attrs, NormAttrs) or not step.inputs:
        return
    wanted, sizes = step.attrs.normalized_shape or (), ints(step.inputs[0].shape)
    if not wanted or not sizes or sizes[-len(wanted) :] == wanted:
        return
    trace = case.trace
    given = sizes[-len(wanted) :]
    maker = maker_of(trace, step)
    proposals: list[Proposal] = []
    if len(wanted) == 1:
        wider = list(set_argument(
            trace, step.path, "normalized_shape", given[0], f"take the {given[0]} that arrive"
        ))  # fmt: skip
        if len(sizes) > 2 and sizes[1] == wanted[0]:
            if not any(spatial_axes(one) for one in chain_to(trace, maker)):
                proposals += wider  # rows of features: axis 1 counts them
            order = ", ".join(map(str, (0, *range(2, len(sizes)), 1)))
            turned = edit_operand(
                step, trace, f".permute({order})", "bring the features to the last axis"
            )
            proposals += [replace(one, follow=False) for one in turned]
            proposals += axis_proposals(step, trace, sizes)
        else:
            proposals += wider
        proposals += make_instead(trace, maker, wanted[0])
    else:
        call = constructor_of(trace, step.path)
        if call is not None:
            text = f"({', '.join(map(str, given))})"
            proposals.append(
                Proposal(
                    f"take the {shape_text(given)} that arrive",
                    (call.set("normalized_shape", text),),
                    kind="consumer",
                )
            )
    yield finding(
        FEATURES,
        f"`{name_of(step)}` normalises {shape_text(wanted)}, but {shape_text(given)} arrives",
        step=step,
        labels=places(trace, step, "normalized_shape", f"normalized_shape = {shape_text(wanted)}"),
        why=(f"the last axes of {shape_text(sizes)} are {shape_text(given)}",),
        proposals=proposals,
    )


@failing("group_norm")
def group_norm(case: Case) -> Iterator[Finding]:
    """Why a group norm refuses what arrives."""
    step = case.failed
    if step is None or not isinstance(step.attrs, NormAttrs) or not step.inputs:
        return
    sizes, wanted = ints(step.inputs[0].shape), step.attrs.num_features
    if len(sizes) > 1 and wanted is not None and sizes[1] != wanted:
        trace = case.trace
        maker, _ = channel_maker(trace, step)
        yield finding(
            FEATURES,
            f"`{name_of(step)}` has {plural(wanted, 'channel')}, but {arrive(sizes[1])}",
            step=step,
            labels=places(trace, step, "num_channels", f"num_channels = {wanted}"),
            why=(f"{shape_text(sizes)}: axis 1 is {sizes[1]}, not {wanted}",),
            proposals=(
                *set_argument(
                    trace, step.path, "num_channels", sizes[1], f"take the {sizes[1]} that arrive"
                ),
                *make_instead(trace, maker, wanted),
            ),
        )
