"""Mends of a wrong map size: another input, a resize in front, a pool that adapts, padding."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.code.owners import class_node
from shapescope.analysis.code.source import Code, Function
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import (
    ints,
    spatial_after,
    spatial_axes,
    windowed_part,
)
from shapescope.analysis.diagnosis.words import name_of, shape_text, sizes_text
from shapescope.analysis.fixes.commands import command
from shapescope.attrs import ConvAttrs
from shapescope.diagnostic import Edit
from shapescope.trace import Shape, Step, Trace


def with_sizes(shape: Shape, sizes: Sequence[int]) -> Shape:
    """A shape with other spatial sizes."""
    return (*shape[: len(shape) - len(sizes)], *sizes)


def resized(trace: Trace, sizes: Sequence[int]) -> tuple[Shape, ...]:
    """The input shapes with other spatial sizes, of every input that is a map."""
    axes = len(sizes)
    return tuple(
        with_sizes(spec.shape, sizes) if len(spec.shape) in (axes + 1, axes + 2) else spec.shape
        for spec in trace.inputs
    )


def feed(trace: Trace, sizes: Sequence[int], *, at_least: bool = False) -> Iterator[Proposal]:
    """The command with inputs of another size."""
    shapes = resized(trace, sizes)
    if any(spec.name is None for spec in trace.inputs) or not shapes:
        return
    words = "feed at least" if at_least else "feed"
    yield Proposal(
        f"{words} {shape_text(sizes)}: {command(trace, shapes)}", shapes=shapes, kind="feed"
    )


def root_forward(trace: Trace) -> tuple[Code, Function] | None:
    """The forward of the model itself."""
    if not trace.modules:
        return None
    found = class_node(trace, trace.modules[0].class_name)
    if found is None:
        return None
    code, cls = found
    forward = code.method(cls.name, "forward")
    return None if forward is None else (code, forward)


def first_statement(function: Function) -> ast.stmt:
    """The first statement behind the docstring."""
    body = function.body
    first = body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1] if documented and len(body) > 1 else first


def functional_name(code: Code) -> str | None:
    """How the file spells torch.nn.functional."""
    return code.module_name("torch.nn.functional")


def input_names(trace: Trace, function: Function) -> tuple[str, ...]:
    """The parameters of forward that hold maps: the first, and those that are as large."""
    parameters = [arg.arg for arg in function.args.args]
    maps = {
        name: spec.shape[2:]
        for spec in trace.inputs
        if (name := (spec.name or "").split(".")[0]) in parameters and len(spec.shape) >= 3
    }
    return tuple(name for name, sizes in maps.items() if sizes == next(iter(maps.values())))


def resize_input(trace: Trace, sizes: Sequence[int]) -> Iterator[Proposal]:
    """An interpolation at the start of forward, of every input that is as large as the first."""
    found = root_forward(trace)
    if found is None or any(size < 1 for size in sizes):
        return
    code, function = found
    functional, names = functional_name(code), input_names(trace, function)
    if functional is None or not names:
        return
    size = str(sizes[0]) if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"
    text = f"{names[0]} = {functional}.interpolate({names[0]}, size={size})"
    if len(names) > 1:
        listed = ", ".join(names)
        text = f"{listed} = ({functional}.interpolate(one, size={size}) for one in ({listed}))"
    yield Proposal(
        f"resize to {shape_text(sizes)} at the start",
        (code.insert_before(first_statement(function), text),),
        kind="resize",
    )


def _serves_often(trace: Trace, layer: Step) -> bool:
    """Whether one constructor, or one call, stands for several layers: no edit is of one of them.

    In a loop, in a block, or where one pool is called after every convolution.
    """
    if layer.kind != "module":
        return sum(one.call_site == layer.call_site for one in trace.steps) > 1
    made = sum(spec.defined_at == layer.defined_at for spec in trace.modules)
    called = sum(one.path == layer.path and one.op == layer.op for one in trace.steps)
    return max(made, called) > 1


def adaptive_pool(trace: Trace, pool: Step, sizes: Sequence[int]) -> Iterator[Proposal]:
    """A fixed pool replaced by one that is told its output."""
    axes = spatial_axes(pool)
    if not axes or "pool" not in pool.op or _serves_often(trace, pool):
        return
    size = str(sizes[0]) if len(set(sizes)) == 1 else f"({', '.join(map(str, sizes))})"
    average = "max" not in pool.op
    if pool.kind == "module":
        call = constructor_of(trace, pool.path)
        if call is None or "Pool" not in call.callee:
            return
        prefix = call.code.text(call.node.func).rpartition(".")[0]
        kind = "Avg" if average else "Max"
        text = f"{prefix}.{'Adaptive'}{kind}Pool{axes}d({size})"
        text = text if prefix else text.removeprefix(".")
        if not prefix:
            return
        yield Proposal(text, (call.code.replace(call.node, text),), inline=True, kind="pool")
        return
    call = call_at(pool.call_site)
    if call is None or not call.node.args:
        return
    prefix = call.code.text(call.node.func).rpartition(".")[0]
    if not prefix:
        return
    kind = "avg" if average else "max"
    operand = call.code.text(call.node.args[0])
    text = f"{prefix}.adaptive_{kind}_pool{axes}d({operand}, {size})"
    yield Proposal(
        f"pool to {sizes_text(sizes)} whatever arrives",
        (call.code.replace(call.node, text),),
        kind="pool",
    )


def padding_that_keeps(
    trace: Trace, chain: Sequence[Step], maps: Sequence[int], wanted: int
) -> Iterator[Proposal]:
    """A padding of one convolution on the way that makes the map the later numbers count on."""
    axes = len(maps)
    part = windowed_part(chain, axes)
    start = ints(part[0].inputs[0].shape)[-axes:] if part else ()
    for number, step in enumerate(part):
        attrs = step.attrs
        if (
            not isinstance(attrs, ConvAttrs)
            or step.kind != "module"
            or not step.op.startswith("conv")
        ):
            continue
        if step.op.startswith("conv_transpose") or isinstance(attrs.padding, str):
            continue
        for padding in _paddings(attrs):
            changed = replace(step, attrs=replace(attrs, padding=(padding,) * axes))
            sizes = _sizes_along((*part[:number], changed, *part[number + 1 :]), start)
            if sizes is None or sizes[-1] != tuple(maps):
                continue
            call = constructor_of(trace, step.path)
            if call is None or not call.callee.startswith("Conv"):
                continue
            shown = " -> ".join(sizes_text(one) for one in (start, *sizes))
            yield Proposal(
                f"{name_of(step)} padding={padding}: {shown} keeps {wanted}",
                (call.set("padding", str(padding)),),
                inline=True,
                kind="padding",
            )


def _paddings(attrs: ConvAttrs) -> tuple[int, ...]:
    """Padding that keeps the map as large as it is, where there is less."""
    half = (attrs.kernel_size[0] - 1) // 2
    given = attrs.padding[0] if isinstance(attrs.padding, tuple) else half
    return (half,) if given < half else ()


def _sizes_along(part: Sequence[Step], start: tuple[int, ...]) -> list[tuple[int, ...]] | None:
    found = []
    sizes: tuple[int, ...] | None = start
    for step in part:
        sizes = None if sizes is None else spatial_after(step, sizes)
        if sizes is None or any(size < 1 for size in sizes):
            return None
        if spatial_axes(step):
            found.append(sizes)
    return found


def returned(function: Function) -> ast.expr | None:
    """What forward returns, where it does so in one place."""
    returns = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    return returns[0].value if len(returns) == 1 else None


def pad_and_crop(trace: Trace, multiple: int, axes: int) -> Iterator[Proposal]:
    """Zeros up to a multiple at the start of forward, cut off again at the end."""
    found = root_forward(trace)
    if found is None or axes != 2 or multiple < 2:
        return
    sides = [side for spec in trace.inputs if len(spec.shape) > axes for side in spec.shape[-axes:]]
    if all(isinstance(side, int) and side % multiple == 0 for side in sides):
        return  # nothing would be added
    code, function = found
    functional, name, value = (
        functional_name(code),
        next(iter(input_names(trace, function)), None),
        returned(function),
    )
    if functional is None or name is None or value is None or isinstance(value, ast.Tuple):
        return
    text = code.text(value)
    plain = isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    edits: tuple[Edit, ...] = (
        code.insert_before(
            first_statement(function),
            f"height, width = {name}.shape[-2:]",
            f"{name} = {functional}.pad({name}, (0, -width % {multiple}, 0, -height % {multiple}))",
        ),
        code.replace(value, f"{text if plain else f'({text})'}[..., :height, :width]"),
    )
    yield Proposal(
        f"pad to a multiple of {multiple}, and cut off what was added", edits, same_maps=True
    )


def shrink_less(trace: Trace, chain: Sequence[Step]) -> Iterator[Proposal]:
    """The first convolution that divides the map made one that keeps it.

    Args:
        trace: tells where the constructor is.
        chain: the way up to the step that fails.
    """
    part = [step for step in chain if spatial_axes(step)]
    for number, step in enumerate(part):
        attrs = step.attrs
        plain = (
            isinstance(attrs, ConvAttrs)
            and step.op.startswith("conv")
            and not (step.op.startswith("conv_transpose"))
        )
        if not isinstance(attrs, ConvAttrs) or not plain or max(attrs.stride) == 1:
            continue
        call = constructor_of(trace, step.path) if step.kind == "module" else None
        if call is None or not call.callee.startswith("Conv") or _serves_often(trace, step):
            return
        axes = len(attrs.kernel_size)
        kept = replace(attrs, kernel_size=(3,) * axes, stride=(1,) * axes, padding=(1,) * axes)
        start = ints(step.inputs[0].shape)[-axes:]
        sizes = _sizes_along((replace(step, attrs=kept), *part[number + 1 :]), start)
        text = _with_window(call, 3, 1)
        if sizes is None or text is None:
            return
        shown = " -> ".join(sizes_text(one) for one in (start, *sizes))
        yield Proposal(
            "shrink less at the start",
            (call.code.replace(call.node, text),),
            suffix=f": {shown}",
            kind="shrink",
        )
        return


def _with_window(call: CallSource, kernel_size: int, padding: int) -> str | None:
    """A convolution's constructor with another window, of stride 1."""
    channels = [call.argument("in_channels"), call.argument("out_channels")]
    if any(node is None for node in channels):
        return None
    taken = {"in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation"}
    shown = [call.code.text(node) for node in channels if node is not None]
    shown += [str(kernel_size), f"padding={padding}"]
    for name in call.parameters:
        node = call.argument(name)
        if name not in taken and node is not None:
            shown.append(f"{name}={call.code.text(node)}")
    return f"{call.code.text(call.node.func)}({', '.join(shown)})"
