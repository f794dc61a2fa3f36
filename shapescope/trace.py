"""The centre of shapescope: what happened to the tensors of one forward pass, as plain data.

Capture makes a `Trace`, analysis reads it, render draws it. A trace holds what was observed and
nothing derived from it: no torch object, no text for display, no total.

    Trace ── inputs, outputs         what went in and came out
      ├── steps: Step, ...           every module and call in order of execution; a module's step
      │     ├── parent               stands before the steps inside it and is their parent
      │     ├── sources              the steps that made the inputs: the graph
      │     └── attrs, params        how it was configured, and the parameters of its own
      ├── params, buffers, modules   everything registered, also what was never called
      └── failure                    how it ended, where it did not end well
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from shapescope.attrs import Attrs, ModuleAttrs
from shapescope.notebook import Shown

__all__ = [
    "SCHEMA",
    "Attrs",
    "Failure",
    "ModuleSpec",
    "ParamSpec",
    "Shape",
    "SourceSpan",
    "Step",
    "TensorSpec",
    "Trace",
    "from_dict",
    "to_dict",
    "verify",
]

SCHEMA = "shapescope.trace/1"
_MODES = ("meta", "fake", "real", "symbolic")

Shape: TypeAlias = tuple[int | str, ...]
"""Sizes per axis; a size is a formula such as `H//4 - 3` in a symbolic trace."""


@dataclass(frozen=True, slots=True)
class SourceSpan:
    """A stretch of source. Lines and columns count from 1, columns in characters.

    `end_column` is the column behind the last character, so an empty span starts where it ends.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of a tensor; named where no step made it: an input, a param, a constant.

    The first `vmapped` axes are those that `torch.vmap` runs over, which the mapped code inside
    does not see.
    """

    shape: Shape
    dtype: str = "float32"
    name: str | None = None
    vmapped: int = 0

    @property
    def numel(self) -> int:
        """Number of values; needs a shape of ints."""
        sizes: tuple[int, ...] = self.shape  # type: ignore[assignment]
        return prod(sizes)


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A parameter under one of its names. Tied names share `key`, the first name registered."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    key: str

    @property
    def numel(self) -> int:
        """Number of values."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module registered in the model, called or not. `path` is its first registered name."""

    path: str
    class_name: str
    called: bool
    defined_at: SourceSpan | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """How a forward pass ended early.

    `step` is the step that failed, or the innermost module step that was open when the user's own
    Python raised; `message` is torch's or Python's own text, shown but never parsed; `call_site`
    is the expression that raised.
    """

    step: int | None
    exception: str
    message: str
    call_site: SourceSpan | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One module call or one function call.

    `op` is torch's functional name, whether a module or a call made it; a module that is opened is
    a step with op `module`, and its class name in attrs. `sources` has one entry for each input
    without a name, in the order of the inputs. `outputs` is empty on the step that failed.
    """

    index: int
    path: str
    op: str
    kind: str
    parent: int | None
    sources: tuple[int, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    attrs: Attrs | None = None
    params: tuple[ParamSpec, ...] = ()
    call_site: SourceSpan | None = None
    defined_at: SourceSpan | None = None

    @property
    def is_composite(self) -> bool:
        """Whether this is a module whose inside was traced as further steps."""
        return self.op == "module"

    @property
    def class_name(self) -> str:
        """The class of a composite; empty for every other step."""
        return self.attrs.class_name if isinstance(self.attrs, ModuleAttrs) else ""

    def input_sources(self) -> tuple[tuple[TensorSpec, int | None], ...]:
        """Each input with the step that made it, or None where no step did."""
        if len(self.inputs) == 1:
            (only,) = self.inputs
            return ((only, self.sources[0] if only.name is None else None),)
        made_by = iter(self.sources)
        return tuple((spec, next(made_by) if spec.name is None else None) for spec in self.inputs)


@dataclass(frozen=True, slots=True)
class Trace(Shown):
    """One forward pass of `model`, whole or up to where it failed.

    `mode` names the strongest way that was needed to get it: `meta` (shapes alone), `fake`, `real`
    (values computed), or `symbolic` (axes as names). `holds_where` are the conditions under which
    the formulas of a symbolic trace hold, such as `H % 32 == 0`.
    """

    model: str
    mode: str
    inputs: tuple[TensorSpec, ...]
    steps: tuple[Step, ...]
    outputs: tuple[TensorSpec, ...]
    failure: Failure | None = None
    params: tuple[ParamSpec, ...] = ()
    buffers: tuple[TensorSpec, ...] = ()
    modules: tuple[ModuleSpec, ...] = ()
    holds_where: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[Step, ...]:
        """The steps that do the work: all that are not composites."""
        return tuple(step for step in self.steps if not step.is_composite)

    def children(self, index: int | None) -> tuple[Step, ...]:
        """The steps directly inside step `index`; those without a parent for None."""
        return tuple(step for step in self.steps if step.parent == index)


def to_dict(trace: Trace) -> dict[str, Any]:
    """The trace as JSON data; `from_dict` gives an equal trace back."""
    from shapescope.trace_json import trace_to_dict

    return {"schema": SCHEMA, **trace_to_dict(trace)}


def from_dict(data: Mapping[str, Any]) -> Trace:
    """The trace that `to_dict` wrote.

    Raises:
        ValueError: another schema, or a field that is missing or has another form.
    """
    from shapescope.trace_json import trace_from_dict

    if data.get("schema") != SCHEMA:
        raise ValueError(f"expected schema {SCHEMA}, not {data.get('schema')!r}")
    try:
        return trace_from_dict(data)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a trace: {error}") from error


def verify(trace: Trace) -> None:
    """Check what holds for every trace that capture makes.

    Raises:
        ValueError: the first invariant that does not hold, with the step it fails on.
    """
    known = {param.key for param in trace.params}
    _require(trace.mode in _MODES, f"mode {trace.mode!r}")
    failed = None if trace.failure is None else trace.failure.step
    open_at_failure = set(_ancestors(trace, failed)) if failed is not None else set()
    for position, step in enumerate(trace.steps):
        where = f"step {position} ({step.op} {step.path!r}): "
        _require(step.index == position, where + f"index {step.index}")
        _require(step.kind in ("module", "function"), where + f"kind {step.kind!r}")
        if step.parent is not None:
            _require(step.parent < position, where + "its parent comes later")
            _require(trace.steps[step.parent].is_composite, where + "its parent is a leaf")
        _require(step.is_composite == bool(step.class_name), where + "class name without composite")
        unnamed = sum(spec.name is None for spec in step.inputs)
        _require(unnamed == len(step.sources), where + "sources do not match the inputs")
        for spec in (*step.inputs, *step.outputs):
            _require(0 <= spec.vmapped <= len(spec.shape), where + "more mapped axes than axes")
        for source in step.sources:
            _require(0 <= source < position, where + f"source {source} is not before it")
            _require(not trace.steps[source].is_composite, where + "its source is a composite")
            _require(bool(trace.steps[source].outputs), where + f"source {source} has no output")
        for param in step.params:
            _require(param.key in known, where + f"unknown parameter {param.key}")
        if not step.outputs and not step.is_composite:
            _require(position == failed, where + "no output, but it is not the failure")
        if step.is_composite and position in open_at_failure:
            _require(not step.outputs, where + "outputs, but the failure is inside it")
    _require(trace.failure is None or not trace.outputs, "outputs in spite of a failure")
    _require(all(spec.name for spec in trace.buffers), "a buffer without a name")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _ancestors(trace: Trace, index: int) -> Iterable[int]:
    parent: int | None = index
    while parent is not None:
        yield parent
        parent = trace.steps[parent].parent
