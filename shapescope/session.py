"""From a model and its inputs to a result: load, trace, diagnose; every command's way."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from shapescope.collection import collection_waits
from shapescope.diagnostic import Severity, ShapescopeError
from shapescope.result import TraceResult
from shapescope.trace import Failure, Trace
from shapescope.turns import one_at_a_time

if TYPE_CHECKING:
    from torch import nn  # noqa: TID251 - for annotations only

    from shapescope.capture.input_spec import InputSpec
    from shapescope.capture.loading.loaded import LoadedModel
    from shapescope.capture.traced import Target

P = ParamSpec("P")
R = TypeVar("R")

Given: TypeAlias = "tuple[InputSpec, ...] | tuple[tuple[Any, ...], dict[str, Any]]"
"""Inputs as specs to make them from, or the inputs themselves as `(args, kwargs)`."""


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
    crosscheck: bool = False
    time: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How a model that is there is traced, and what else is asked of it.

    Attributes:
        train: trace in training mode.
        mode: as `trace_model` takes it: `auto`, or one way to insist on.
        symbols: the axes that are free in a symbolic trace.
        target: the loss to compute as well.
        values: keep what the values of each step were.
        peers: ask torchinfo and torch for their totals too.
        time: measure how long each step takes.
    """

    train: bool = False
    mode: str = "auto"
    symbols: tuple[str, ...] = ()
    target: Target | None = None
    values: bool = False
    peers: bool = False
    time: bool = False


def run_trace(request: Request) -> TraceResult:
    """Load the model that was named, trace it, and diagnose what there is to diagnose.

    A model that cannot be built gives a result without steps, with the reason among its
    diagnostics.

    Raises:
        ShapescopeError: the request cannot be met.
    """
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.capture.loader import load

    target = _target(request)
    if request.image is not None and not request.image.exists():
        raise ShapescopeError(f"there is no file {request.image}")
    if request.time and (request.mode == "symbolic" or target is not None):
        other = "--symbolic" if request.mode == "symbolic" else "--loss"
        raise ShapescopeError(f"`--time` runs the forward pass alone; leave `{other}` away")
    specs: Any = parse_inputs(request.inputs) or None
    loaded = load(request.model)
    specs = loaded.fitted(specs) if specs else None
    if request.image is not None:
        from shapescope.capture.inferring.own_inputs import own_inputs
        from shapescope.capture.picture import with_picture

        if specs is None:
            specs, told = _quietly(own_inputs, loaded)
            loaded = replace(loaded, notes=(*loaded.notes, *told))
        specs = with_picture(specs, request.image)
    return _trace(
        loaded,
        specs,
        Manner(
            train=request.train,
            mode=request.mode,
            symbols=request.symbols,
            target=target,
            values=request.values or request.image is not None,
            peers=request.crosscheck,
            time=request.time,
        ),
    )


@one_at_a_time()
def trace_any(
    model: nn.Module | LoadedModel | str,
    inputs: Given | None,
    *,
    train: bool = False,
    mode: str = "auto",
    symbols: Sequence[str] = (),
    target: Target | None = None,
    values: bool = False,
    peers: bool = False,
    time: bool = False,
) -> TraceResult:
    """Trace a model in any form, with its own or inferred inputs where none are given.

    Raises:
        ShapescopeError: the request cannot be met.
    """
    from shapescope.capture.loader import load

    subject = load(model) if isinstance(model, str) else model
    manner = Manner(train, mode, tuple(symbols), target, values, peers, time)
    return _trace(subject, inputs, manner)


@one_at_a_time()
@collection_waits()
def _trace(subject: nn.Module | LoadedModel, inputs: Given | None, manner: Manner) -> TraceResult:
    """The trace of what was loaded, with all that was asked for."""
    from shapescope.capture.untouched.bystanders import bystanders_of

    with bystanders_of(subject):
        return _alone(subject, inputs, manner)


def _alone(subject: nn.Module | LoadedModel, inputs: Given | None, manner: Manner) -> TraceResult:
    """The same, once what lies beside the model is kept."""
    from shapescope.capture.inferring.own_inputs import own_inputs
    from shapescope.capture.tracer import trace_model

    train, target = manner.train, manner.target
    try:
        given, notes = (inputs, ()) if inputs is not None else _quietly(own_inputs, subject)
        traced = trace_model(
            subject,
            given,
            train=train,
            mode=manner.mode,
            symbols=manner.symbols,
            target=target,
            values=manner.values,
        )
    except ShapescopeError as error:
        if error.exit_code != 1:
            raise
        return unbuilt(_name(subject), error)
    from shapescope.analysis.expectations import problems
    from shapescope.capture.further.investigate import investigate

    found = _quietly(investigate, subject, given, traced, train=train, target=target)
    read: tuple[str, ...] = getattr(subject, "notes", ())
    result = TraceResult(traced.trace, found, (*read, *notes, *traced.notes), traced.values)
    result = result.changed(diagnostics=problems(result))
    if inputs is None and target is None:
        result = _compared(subject, given, result, manner)
    if traced.trace.failure is not None:
        return result
    if manner.time:
        from shapescope.capture.further.timing import time_steps

        times = _quietly(time_steps, subject, given, result.trace, train=train)
        result = result.changed(times=times)
    if not manner.peers:
        return result
    from shapescope.capture.further.crosscheck import crosscheck

    asked = _quietly(crosscheck, subject, given, result.trace, result.macs, train=train)
    return result.changed(crosscheck=asked)


def _compared(
    subject: nn.Module | LoadedModel, given: Given, result: TraceResult, manner: Manner
) -> TraceResult:
    """The result with the loss that the model's own file computes, where that finds a fault.

    A loss that fits is not shown: nobody asked for it.
    """
    target: Target | None = getattr(subject, "compared", None)
    if target is None or result.trace.failure is not None or manner.mode == "symbolic":
        return result
    from shapescope.capture.further.investigate import investigate
    from shapescope.capture.tracer import trace_model

    traced = _quietly(trace_model, subject, given, train=manner.train, target=target)
    found = _quietly(investigate, subject, given, traced, train=manner.train, target=target)
    known = {one.rule for one in result.diagnostics}
    # the loss is no step of the trace that is shown
    new = [
        replace(one, step=None)
        for one in found
        if one.rule.startswith("loss-") and one.rule not in known
    ]
    if not any(one.severity is not Severity.NOTE for one in new):
        return result
    return result.changed(diagnostics=(*new, *result.diagnostics))


def _quietly(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call without what the model prints: in the further passes it would only say it again."""
    with one_at_a_time(), redirect_stderr(io.StringIO()):
        return call(*args, **kwargs)


def unbuilt(model: str, error: ShapescopeError) -> TraceResult:
    """The result for a model whose constructor raises: no steps, and the reason."""
    cause = error.__cause__
    name = type(cause).__name__ if cause is not None else "Error"
    failure = Failure(None, name, str(cause) if cause is not None else str(error))
    return TraceResult(Trace(model, "meta", (), (), (), failure), (error.diagnostic,))


def _name(model: object) -> str:
    return str(getattr(model, "spec", type(model).__name__))


def _target(request: Request) -> Target | None:
    """The loss to compute after the forward pass, if one was asked for."""
    if not request.target and not request.loss:
        return None
    from shapescope.capture.losses import target_of

    return target_of(request.target, request.loss)
