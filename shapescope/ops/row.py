"""What is known of one op: how its settings are read, and the rules that follow from them.

Rules see a `Step` alone: its inputs and attrs, never what torch observed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from shapescope.attrs import Attrs, CallAttrs, PadAttrs, ResizeAttrs
from shapescope.ops.flow import Flows, elementwise_flow, pointwise_flow
from shapescope.ops.values import NOT_PLAIN, plain, plain_sizes
from shapescope.ops.vmapped import (
    is_vmapped,
    of_one_sample,
    sample_axes,
    sample_count,
    with_sample_axes,
)
from shapescope.trace import Shape, Step

Bound: TypeAlias = Mapping[str, Any]
Shapes: TypeAlias = tuple[Shape, ...]


class Window(NamedTuple):
    """A window that slides over one axis; `padding` is what stands before the first value."""

    kernel_size: int
    stride: int
    padding: int
    dilation: int


_SIZES = frozenset(
    {"size", "shape", "sizes", "repeats", "dims", "dim", "output_size", "split_size_or_sections"}
)
"""The arguments whose numbers code may also give as tensors."""


def read_plain(bound: Bound) -> CallAttrs:
    """The plain arguments of a call; tensors, None and objects are left out."""
    found = []
    for name, value in bound.items():
        if value is None:
            continue
        kept = plain_sizes(value) if name in _SIZES else plain(value)
        if kept is not NOT_PLAIN:
            found.append((name, kept))
    return CallAttrs(tuple(found))


@dataclass(frozen=True, slots=True)
class Op:
    """What is known of one op.

    Attributes:
        name: torch's functional name.
        signature: torch's parameter names, separated by spaces; `*name` takes what is left.
        weights: the arguments that hold weights.
        modules: classes of torch.nn that do this op.
        settings: attributes of such a module that are copied, where there is no `from_module`.
        forward: parameter names of such a module's forward, separated by spaces.
        from_call: bound arguments -> attrs.
        from_module: module, bound arguments of its forward -> attrs.
        shape_rule: step -> the shapes it must have, first output first; None where they depend
            on values.
        refusal_rule: step -> why torch on a CPU refuses it, or None.
        formula_rule: step -> the arithmetic in words, one text for each axis it speaks of.
        macs_rule: step -> multiply-adds; None where they cannot be told.
        window_rule: step -> its windows, one for each spatial axis (the last axes of its input).
        flow_rule: step -> for each input, where the axes of the output come from.
        free: no multiply-adds by definition: norm, activation, pool, shape, elementwise.
        windowed: slides a window; such a step is never left unchecked.
        pointwise: keeps the shape of its first input, position by position.
        changes_axes: axes are moved, merged, split, added or dropped.
        factory: makes a tensor by itself, not out of the values of others.
        observed: its sizes may depend on values; they are taken from torch as they are.
        saves: what autograd keeps for the backward pass: `input`, `output`, `inputs`, `indices`
            (all inputs but the first), or `partners`: each factor as long as another one, a
            weight or an input, asks for a gradient. A function tells it of a step.
        extra_rule: step -> bytes of what the op makes besides its output and autograd keeps:
            indices, statistics, masks.
        scratch_rule: step -> bytes that its kernel on the CPU takes on the way and gives back.
        view: the output can share the memory of the first input.
        limit: what it asks of sizes, in words with `{}` for the call itself.
    """

    name: str
    signature: str = "input"
    weights: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    forward: str = "input"
    from_call: Callable[[Bound], Attrs | None] = read_plain
    from_module: Callable[[Any, Bound], Attrs | None] | None = None
    shape_rule: Callable[[Step], Shapes | None] | None = None
    refusal_rule: Callable[[Step], str | None] | None = None
    formula_rule: Callable[[Step], tuple[str, ...]] | None = None
    macs_rule: Callable[[Step], int | None] | None = None
    window_rule: Callable[[Step], tuple[Window, ...] | None] | None = None
    flow_rule: Callable[[Step], Flows | None] | None = None
    free: bool = False
    windowed: bool = False
    pointwise: bool = False
    changes_axes: bool = False
    factory: bool = False
    observed: bool = False
    saves: str | Callable[[Step], str] = ""
    extra_rule: Callable[[Step], int] | None = None
    scratch_rule: Callable[[Step], int] | None = None
    view: bool = False
    limit: str = ""
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    rest: str | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = self.signature.split()
        rest = names.pop()[1:] if names and names[-1].startswith("*") else None
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "rest", rest)

    # --- reading settings

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by torch's names, only those that were given.

        A function and the method of the same name bind alike: `torch.reshape(x, (2, 3))` and
        `x.reshape(2, 3)`. Arguments the signature does not know keep their place as `arg3`.
        """
        names = self.names
        bound = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            left = tuple(args[len(names) :])
            if self.rest is not None:
                sole = len(left) == 1 and isinstance(left[0], tuple | list)
                bound[self.rest] = left[0] if sole else left
            else:
                for position, value in enumerate(left, len(names)):
                    bound[f"arg{position}"] = value
        for name, value in kwargs.items():
            if name not in names and name != self.rest:
                name = SPELLINGS.get(name, name)
            bound[name] = value
        return bound

    def in_order(self, bound: Bound) -> list[Any]:
        """The values of arguments as the signature orders them, whatever the call's order was.

        The tensor that the call writes to (`out`) is none of its inputs.
        """
        known = [bound[name] for name in self.names if name in bound]
        unknown = [v for name, v in bound.items() if name not in self.names and name != "out"]
        return known + unknown

    def read_call(self, bound: Bound) -> Attrs | None:
        """The settings of a function call, from what `bind` gave."""
        return self.from_call(bound)

    def read_module(
        self, module: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Attrs | None:
        """The settings of a leaf module that is called with these arguments."""
        if self.from_module is not None:
            bound = dict(zip(self.forward.split(), args, strict=False))
            bound.update(kwargs or {})
            return self.from_module(module, bound)
        if not self.settings:
            return None
        return read_plain({name: getattr(module, name, None) for name in self.settings})

    # --- rules

    def output_shape(self, step: Step) -> Shapes | None:
        """The shapes that the arithmetic gives, first output first; None where it gives none.

        There may be fewer than the step has outputs: what depends on values stands last.
        """
        if self.shape_rule is None or not _ready(self, step):
            return None
        if is_vmapped(step):
            shapes = self.shape_rule(of_one_sample(step))
            axes = sample_axes(step)
            return None if shapes is None else tuple((*axes, *shape) for shape in shapes)
        return self.shape_rule(step)

    def refusal(self, step: Step) -> str | None:
        """Why torch on a CPU refuses this call, in one line, or None where it does not."""
        if self.refusal_rule is None or not _ready(self, step):
            return None
        return self.refusal_rule(of_one_sample(step) if is_vmapped(step) else step)

    def formula(self, step: Step) -> tuple[str, ...]:
        """The arithmetic with this step's numbers, one text for each axis it speaks of."""
        if self.formula_rule is None or not _ready(self, step):
            return ()
        return self.formula_rule(of_one_sample(step) if is_vmapped(step) else step)

    def macs(self, step: Step) -> int | None:
        """Multiply-adds; 0 where the op has none by definition, None where there is no rule."""
        if self.free:
            return 0
        if self.macs_rule is None or not _ready(self, step):
            return None
        if is_vmapped(step):
            once, count = self.macs_rule(of_one_sample(step)), sample_count(step)
            return None if once is None or count is None else once * count
        return self.macs_rule(step)

    def window(self, step: Step) -> tuple[Window, ...] | None:
        """The window along each spatial axis, for the receptive field."""
        if self.window_rule is None or not _ready(self, step):
            return None
        return self.window_rule(of_one_sample(step) if is_vmapped(step) else step)

    def flow(self, step: Step) -> Flows | None:
        """For each input, where the axes of the first output come from; None where unknown."""
        if not _ready(self, step) or not step.inputs:
            return None
        if is_vmapped(step):
            return with_sample_axes(step, self.flow(of_one_sample(step)))
        if self.flow_rule is not None:
            return self.flow_rule(step)
        if self.pointwise:
            return pointwise_flow(step)
        if self.free and not self.changes_axes and not self.windowed and not self.factory:
            return elementwise_flow(step)
        return None


def _ready(row: Op, step: Step) -> bool:
    """Whether the rules have what they reckon with: inputs, and sizes that are ints."""
    for spec in step.inputs:
        if str in map(type, spec.shape):
            return False
    attrs = step.attrs
    # An amount or a size may be a formula where the input has none.
    if isinstance(attrs, PadAttrs) and str in map(type, attrs.pad):
        return False
    if isinstance(attrs, ResizeAttrs) and str in map(type, attrs.size or ()):
        return False
    return bool(step.inputs) or row.factory


SPELLINGS = {
    "axis": "dim",
    "keepdims": "keepdim",
    "self": "input",
    "tensor": "input",
    "x": "input",
    "axis0": "dim0",
    "axis1": "dim1",
}
"""Other names under which torch takes the same argument."""
