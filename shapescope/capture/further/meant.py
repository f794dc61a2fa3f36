"""Other inputs than those asked for, tried: a model that runs on them needs no edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from torch import nn

from shapescope.analysis.fixes.commands import input_options
from shapescope.analysis.fixes.left_out import MeantInput, meant_inputs
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.capture.input_spec import InputSpec, format_input
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.subject import Inputs, are_arguments
from shapescope.capture.tensor_specs import specs_of
from shapescope.capture.traced import Traced
from shapescope.diagnostic import Diagnostic, Help, Severity
from shapescope.trace import Trace

__all__ = ["meant_help"]

Run: TypeAlias = Callable[[Inputs], Traced | None]
"""From other inputs to what the model gives on them; None where it cannot be fed so."""
Diagnose: TypeAlias = Callable[..., tuple[Diagnostic, ...]]
"""As `investigate` of the same model: inputs, what they gave, and whether to look for `fixes`."""


def meant_help(
    model: LoadedModel | nn.Module,
    inputs: Inputs,
    trace: Trace,
    run: Run,
    diagnose: Diagnose,
) -> tuple[Help, bool] | None:
    """The input that was meant, where the model runs on it, or has only another fault then.

    Args:
        model: as it was named, or live.
        inputs: what was traced, and failed.
        trace: what the trace gave.
        run: traces the model as it was traced.
        diagnose: says what is wrong with such a trace.

    Returns:
        The help, and whether an edit of the model may be shown beside it.
    """
    given = specs_of(inputs) if are_arguments(inputs) else inputs
    if given is None or len(given) != len(trace.inputs):
        return None
    specs = [spec for spec in given if isinstance(spec, InputSpec)]
    for one in meant_inputs(trace):
        spec = specs[one.number]
        if spec.listed or spec.shape is None:
            continue
        other = list(specs)
        other[one.number] = replace(spec, shape=one.shape, dtype=one.dtype)
        entry = _tried(model, tuple(other), trace, one, run, diagnose)
        if entry is not None:
            return entry, one.edits_too
    entry = _made_for(model, specs, run)
    return None if entry is None else (entry, False)


def _made_for(model: LoadedModel | nn.Module, specs: Sequence[InputSpec], run: Run) -> Help | None:
    """The input that a model is known to be made for, where another number of axes was fed."""
    own = () if isinstance(model, nn.Module) else model.default_inputs
    ranks = [len(spec.shape or ()) for spec in specs]
    if not own or [len(spec.shape or ()) for spec in own] == ranks:
        return None
    traced = run(own)
    if traced is None or traced.trace.failure is not None:
        return None
    texts = tuple(format_input(spec) for spec in own)
    return Help(f"feed what it is made for: {input_options(texts)}", verified=True, inputs=texts)


def _tried(
    model: LoadedModel | nn.Module,
    specs: tuple[InputSpec, ...],
    before: Trace,
    one: MeantInput,
    run: Run,
    diagnose: Diagnose,
) -> Help | None:
    traced = run(specs)
    if traced is None:
        return None
    failed = traced.trace.failure is not None
    if failed and not (one.certain and _moved_on(before, traced.trace)):
        return None
    found = diagnose(specs, traced, fixes=failed)
    wrong = [error for error in found if error.severity is Severity.ERROR]
    if wrong and not failed:
        return None
    texts = tuple(format_input(spec) for spec in specs)
    message = f"{one.message}: {_request(model, specs, texts)}"
    then = _proved(wrong[:1])
    if then is None:
        return Help(message, verified=not failed, inputs=texts)
    return replace(then, message=f"{message}; then {then.message}", inline=False, inputs=texts)


def _proved(found: Sequence[Diagnostic]) -> Help | None:
    helps = (entry for one in found for entry in one.help)
    return next((entry for entry in helps if entry.edits and entry.verified), None)


def _moved_on(before: Trace, after: Trace) -> bool:
    """Whether a complete input gets as far, and what fails there is no window on its map."""
    one, two = before.failure, after.failure
    if one is None or two is None or one.step is None or two.step is None:
        return False
    windowed = isinstance(after.steps[two.step].attrs, ConvAttrs | PoolAttrs)
    return two.step >= one.step and not windowed


def _request(
    model: LoadedModel | nn.Module, specs: Sequence[InputSpec], texts: Sequence[str]
) -> str:
    """How the inputs are asked for: on the command line, or from Python for a live model."""
    if not isinstance(model, nn.Module) and model.reload is None:
        return input_options(texts)
    sizes = ", ".join(str(spec.shape) for spec in specs)
    text = f"input_size={sizes}" if len(specs) == 1 else f"input_size=[{sizes}]"
    if any(spec.dtype != "float32" for spec in specs):
        text += f", dtypes={[spec.dtype for spec in specs]}"
    return text
