"""The records a trace is made of: frozen, equal where they say the same, nothing but plain data."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from shapescope.attrs import Attrs, ModuleAttrs
from shapescope.notebook import Shown

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
    (values computed), or `symbolic` (axes as names).
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

    @property
    def leaves(self) -> tuple[Step, ...]:
        """The steps that do the work: all that are not composites."""
        return tuple(step for step in self.steps if not step.is_composite)

    def children(self, index: int | None) -> tuple[Step, ...]:
        """The steps directly inside step `index`; those without a parent for None."""
        return tuple(step for step in self.steps if step.parent == index)
