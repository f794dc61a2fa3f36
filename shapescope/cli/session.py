"""From what a user typed to a result: load, trace, diagnose. Every command goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapescope.diagnostic import Diagnostic, ShapescopeError
from shapescope.result import TraceResult
from shapescope.trace import Failure, Trace

if TYPE_CHECKING:
    from shapescope.capture.inputs import InputSpec
    from shapescope.capture.loader import LoadedModel
    from shapescope.capture.tracer import Target


@dataclass(frozen=True, slots=True)
class Request:
    """One trace as a user asks for it, every field as it was typed."""

    model: str
    inputs: tuple[str, ...] = ()
    train: bool = False
    mode: str = "auto"
    symbols: tuple[str, ...] = ()
    target: str = ""
    loss: str = ""
    values: bool = False
    image: Path | None = None


def run_trace(request: Request) -> TraceResult:
    """Load the model, trace it, and diagnose what there is to diagnose.

    A model that cannot be built gives a result without steps, with the reason among its
    diagnostics.

    Raises:
        ShapescopeError: the request cannot be met.
    """
    from shapescope.capture.loader import load
    from shapescope.capture.tracer import trace_model

    target = _target(request)
    specs = _parsed(request.inputs)
    try:
        loaded = load(request.model)
        specs, notes = _inputs(loaded, specs, request)
        traced = trace_model(
            loaded,
            _with_image(specs, request.image) if request.image is not None else specs,
            train=request.train,
            mode=request.mode,
            symbols=request.symbols,
            target=target,
            values=request.values or request.image is not None,
        )
    except ShapescopeError as error:
        if error.exit_code != 1:
            raise
        return unbuilt(request.model, error)
    return TraceResult(
        traced.trace,
        diagnose_trace(traced.trace),
        (*notes, *traced.notes),
        traced.values,
    )


def diagnose_trace(trace: Trace) -> tuple[Diagnostic, ...]:
    """What the rules find in a trace."""
    from shapescope.analysis.diagnosis import diagnose

    return diagnose(trace)


def unbuilt(model: str, error: ShapescopeError) -> TraceResult:
    """The result for a model whose constructor raises: no steps, and the reason."""
    cause = error.__cause__
    failure = Failure(
        None, type(cause).__name__ if cause is not None else "Error", error.diagnostic.message
    )
    trace = Trace(model, "meta", (), (), (), failure)
    return TraceResult(trace, (error.diagnostic,))


def _parsed(texts: Sequence[str]) -> tuple[InputSpec, ...]:
    from shapescope.capture.inputs import parse_inputs

    return parse_inputs(texts)


def _inputs(
    loaded: LoadedModel, specs: tuple[InputSpec, ...], request: Request
) -> tuple[tuple[InputSpec, ...], tuple[str, ...]]:
    """The inputs to use: those asked for, else the model's own, else inferred ones."""
    if specs:
        return specs, ()
    if loaded.default_inputs:
        return tuple(loaded.default_inputs), ()
    raise ShapescopeError(f"`{request.model}` needs an input", advice=("--input 1,3,32,32",))


def _with_image(specs: tuple[InputSpec, ...], image: Path) -> tuple[InputSpec, ...]:
    raise NotImplementedError


def _target(request: Request) -> Target | None:
    """The loss to compute after the forward pass, if one was asked for."""
    if not request.target and not request.loss:
        return None
    if not request.target or not request.loss:
        missing, given = ("--target", "--loss") if not request.target else ("--loss", "--target")
        raise ShapescopeError(
            f"`{given}` needs `{missing}` with it",
            advice=("--target 64:int64 --loss cross_entropy",),
        )
    from shapescope.capture.inputs import parse_input
    from shapescope.capture.tracer import Target

    return Target(parse_input(request.target), request.loss)
