"""Who sets each limit: the step that asked, in words."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.analysis.sizes.built_for import spelled_factors
from shapescope.analysis.sizes.regions import Region
from shapescope.arithmetic.expressions import (
    BATCH,
    Condition,
    Expr,
    Junction,
    SizeSet,
    everything,
    parse_expression,
    where,
)
from shapescope.arithmetic.expressions.terms import factored, of_atom
from shapescope.attrs import (
    ConvAttrs,
    EmbeddingAttrs,
    LinearAttrs,
    NormAttrs,
    PoolAttrs,
    RecurrentAttrs,
)
from shapescope.diagnostic import Label
from shapescope.ops import lookup
from shapescope.trace import Step
from shapescope.valid_sizes import Decision, Passage, Reason

_MOST = 8


def reasons_for(
    regions: Sequence[Region],
    passages: Sequence[Passage],
    axes: Sequence[str],
    built: dict[str, int] | None,
) -> tuple[Reason, ...]:
    """One reason for each limit, the last steps' first among equals; every limited axis has one."""
    found: list[Reason] = []
    fitting = [passage for passage in passages if passage.fits]
    for passage in fitting or passages[-1:]:
        for decision in _binding(passage, regions, axes):
            reason = _reason(decision, passage, built)
            if not any(reason.condition == other.condition for other in found):
                found.append(reason)
        named = {axis for reason in found for axis in reason.axes}
        if named >= set(_limited(regions, axes)):
            break
    return tuple(_paired(found)[:_MOST])


def _limited(regions: Sequence[Region], axes: Sequence[str]) -> list[str]:
    """Axes that are limited in some region, by themselves or by a coupling."""
    return [
        axis
        for axis in axes
        if any(
            not region.sets[axis].is_full
            or any(axis in condition.names for condition in region.coupled)
            for region in regions
        )
    ]


def _binding(passage: Passage, regions: Sequence[Region], axes: Sequence[str]) -> list[Decision]:
    """Decisions without which more would fit; couplings first."""
    couplings = {condition for region in regions for condition in region.coupled}
    kept = [
        decision
        for decision in passage.decisions
        if any(condition in couplings for condition in _parts(decision.condition))
        or (not regions and len(decision.condition.names - {BATCH}) > 1)
    ]
    for axis in axes:
        own = [
            decision
            for decision in passage.decisions
            if decision.condition.names == {axis} and _limits(decision.condition, axis, regions)
        ]
        kept.extend(_essential(own, axis))
    return kept


def _parts(condition: Condition) -> Sequence[Condition]:
    if isinstance(condition, Junction) and condition.every:
        return (condition, *condition.parts)
    return (condition,)


def _limits(condition: Condition, axis: str, regions: Sequence[Region]) -> bool:
    """Whether it holds wherever the model fits: else it only chooses between two ways."""
    allowed = where(condition, axis)
    return all((region.sets[axis] & ~allowed).is_empty for region in regions)


def _essential(decisions: Sequence[Decision], axis: str) -> list[Decision]:
    """As few of the decisions as leave the same sizes."""

    def together(chosen: Sequence[Decision]) -> SizeSet:
        fits = everything()
        for decision in chosen:
            fits = fits & where(decision.condition, axis)
        return fits

    kept = list(decisions)
    whole = together(kept)
    for decision in decisions:
        fewer = [one for one in kept if one is not decision]
        if together(fewer).same_as(whole):
            kept = fewer
    return kept


def _reason(decision: Decision, passage: Passage, built: dict[str, int] | None) -> Reason:
    step = None
    if decision.step is not None and decision.step < len(passage.steps):
        step = passage.steps[decision.step]
    condition = decision.condition
    shown = decision.shown
    if shown is None and step is not None:
        shown = _as_the_step_has_it(step, condition)
    if shown is None or BATCH in shown or not condition.expressible:
        shown = condition.text
    labels = []
    if step is not None and step.defined_at is not None:
        labels.append(Label(step.defined_at, "set here"))
    site = step.call_site if step is not None else decision.site
    if site is not None:
        labels.append(Label(site, "asked here", primary=True))
    return Reason(
        axes=tuple(sorted(condition.names - {BATCH})),
        text=_words(step, decision, built),
        condition=shown,
        step=None if step is None else step.index,
        path=None if step is None else step.path,
        labels=tuple(labels),
    )


def _as_the_step_has_it(step: Step, condition: Condition) -> str | None:
    if isinstance(step.attrs, LinearAttrs) and step.inputs and len(condition.names) > 1:
        return f"{step.inputs[0].shape[-1]} == {step.attrs.in_features}"
    return None


def _words(step: Step | None, decision: Decision, built: dict[str, int] | None) -> str:
    if step is None:
        if decision.site is None:
            return "an output keeps the batch only then"
        return "the forward asks for it"
    who = f"`{step.path}`" if step.path and step.kind == "module" else f"`{step.op}`"
    attrs = step.attrs
    if isinstance(attrs, LinearAttrs):
        return f"{who} takes {_factored(step, attrs.in_features, built)}"
    if isinstance(attrs, ConvAttrs | PoolAttrs):
        extent = [(k - 1) * d + 1 for k, d in zip(attrs.kernel_size, attrs.dilation, strict=True)]
        return f"the {_by(extent)} window of {who} has to fit on its map"
    if isinstance(attrs, EmbeddingAttrs):
        return f"{who} is a table of {attrs.num_embeddings}"
    if isinstance(attrs, NormAttrs) and attrs.normalized_shape is not None:
        return f"{who} is for {_by(attrs.normalized_shape)}"
    if isinstance(attrs, RecurrentAttrs):
        return f"{who} takes {attrs.input_size} features"
    limit = lookup(step.op).limit
    if limit:
        return limit.format(who)
    if len(step.inputs) > 1:
        return f"{who} brings together maps that have to be equal"
    return f"{who} needs it"


def _expression(text: str) -> Expr | None:
    try:
        return parse_expression(text)
    except ValueError:
        return None


def _by(sizes: Sequence[object]) -> str:
    return " x ".join(map(str, sizes))


def _factored(step: Step, features: int, built: dict[str, int] | None) -> str:
    """`400 = 16 * 5 * 5`: as the source spells it, else as the map is that the layer is for."""
    spelled = spelled_factors(step.defined_at)
    if len(spelled) > 1:
        return f"{features} = {' * '.join(map(str, spelled))}"
    arriving = step.inputs[0].shape[-1] if step.inputs else None
    expr = _expression(arriving) if isinstance(arriving, str) else None
    if expr is not None and built and expr.names <= set(built):
        coefficient, factors = factored(expr)
        sides = [
            (factor if isinstance(factor, Expr) else of_atom(factor)).evaluate(built)
            for factor in factors
        ]
        parts = [*([coefficient] if coefficient != 1 else []), *sides]
        if len(parts) > 1:
            return f"{features} = {' * '.join(map(str, parts))}"
    return f"{features} features"


def _paired(reasons: Sequence[Reason]) -> list[Reason]:
    """The same limit of two axes, set by the same step, as one reason."""
    found: list[Reason] = []
    for reason in reasons:
        for position, other in enumerate(found):
            same = reason.step == other.step and reason.text == other.text
            if same and not set(reason.axes) & set(other.axes):
                found[position] = Reason(
                    (*other.axes, *reason.axes),
                    other.text,
                    f"{other.condition} and {reason.condition}",
                    other.step,
                    other.path,
                    other.labels,
                )
                break
        else:
            found.append(reason)
    return found
