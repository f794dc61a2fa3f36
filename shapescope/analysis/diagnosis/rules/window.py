"""A window that does not fit on the map: pooled or strided away to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from shapescope.analysis.code import constructor_of
from shapescope.analysis.diagnosis.built_for import customary_larger, smallest_passing
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    size_history,
    spatial_after,
    spatial_axes,
)
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import places
from shapescope.analysis.diagnosis.words import here, name_of, settings_of, shape_text, sizes_text
from shapescope.analysis.fixes.resample import (
    adaptive_pool,
    feed,
    pad_and_crop,
    resize_input,
    shrink_less,
)
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.diagnostic import Label
from shapescope.ops import lookup
from shapescope.trace import Step, Trace

EMPTY = declare("empty-output", "a window is larger than the map it slides over")

_POOLS = tuple(f"{kind}_pool{axes}d" for kind in ("max", "avg", "lp") for axes in (1, 2, 3))
_CONVS = tuple(f"conv{axes}d" for axes in (1, 2, 3))


@failing(*_POOLS, *_CONVS)
def empty_output(case: Case) -> Iterator[Finding]:
    """A conv or pool whose window does not fit."""
    step = case.failed
    if step is None or not isinstance(step.attrs, ConvAttrs | PoolAttrs) or not step.inputs:
        return
    axes = spatial_axes(step)
    sizes = ints(step.inputs[0].shape)
    if len(sizes) not in (axes + 1, axes + 2):
        return
    maps = sizes[-axes:]
    made = spatial_after(step, maps)
    if made is None or all(size > 0 for size in made):
        return
    trace = case.trace
    chain = chain_to(trace, step)
    formulas = lookup(step.op).formula(step)
    wrong = [text for text, size in zip(formulas, made, strict=False) if size < 1]
    window = " ".join(filter(None, (name_of(step), settings_of(step))))
    why = [size_history(chain, settings=True), f"{window}: {wrong[-1]}" if wrong else ""]
    smallest = smallest_passing(chain, axes)
    yield finding(
        EMPTY,
        f"a {shape_text(step.attrs.kernel_size)} window does not fit on a {shape_text(maps)} map",
        step=step,
        labels=(
            *places(
                trace,
                step,
                "kernel_size",
                f"kernel_size = {_kernel(step.attrs)}",
                here(step).removesuffix(" here"),
            ),
            _block_label(trace, step),
        ),
        why=tuple(filter(None, why)),
        notes=(_field_note(chain, smallest),),
        proposals=_proposals(case, step, chain, smallest),
    )


def _block_label(trace: Trace, step: Step) -> Label | None:
    """The call in the model's own forward that led here, where blocks of one class are many."""
    outer = step
    while outer.parent is not None and trace.steps[outer.parent].path:
        outer = trace.steps[outer.parent]
    alike = sum(spec.class_name == outer.class_name for spec in trace.modules)
    if outer is step or not outer.class_name or alike < 2:
        return None
    return label(outer.call_site, f"`{name_of(outer)}` gets {shape_text(outer.inputs[0].shape)}")


def _kernel(attrs: ConvAttrs | PoolAttrs) -> str:
    return sizes_text(attrs.kernel_size)


def _field_note(chain: tuple[Step, ...], smallest: tuple[int, ...] | None) -> str | None:
    if smallest is None:
        return None
    least = f"the smallest input that passes is {shape_text(smallest)}"
    field = receptive_field(chain)
    if field is None:
        return least
    return f"here the receptive field is {field[0]} and the jump {field[1]}; {least}"


def receptive_field(chain: tuple[Step, ...]) -> tuple[int, int] | None:
    """Size and jump along a way of windows that are alike on every axis; None for any other."""
    size, jump = 1, 1
    for step in chain:
        if not spatial_axes(step):
            continue
        windows = lookup(step.op).window(step)
        if windows is None or len(set(windows)) != 1:
            return None
        window = windows[0]
        size += (window.kernel_size - 1) * window.dilation * jump
        jump *= window.stride
    return size, jump


def total_stride(chain: tuple[Step, ...]) -> int:
    """By how much the windows on a way divide a map, on the axis where most."""
    strides = [max(window.stride for window in lookup(step.op).window(step) or ())
               for step in chain if lookup(step.op).window(step)]  # fmt: skip
    return prod(strides)


def makes_maps(trace: Trace) -> bool:
    """Whether a model seems to give maps back: it makes maps larger, and has no linear layer."""
    names = {spec.class_name for spec in trace.modules}
    enlarging = ("ConvTranspose", "Upsample", "PixelShuffle", "MaxUnpool")
    grows = any(name.startswith(enlarging) for name in names)
    grows = grows or any(step.op in ("interpolate", "pixel_shuffle") for step in trace.steps)
    return grows and "Linear" not in names


def _proposals(
    case: Case, step: Step, chain: tuple[Step, ...], smallest: tuple[int, ...] | None
) -> Iterator[Proposal]:
    trace = case.trace
    axes = spatial_axes(step)
    given = _given_map(trace, axes)
    stride = total_stride(chain)
    few = stride <= max(given, default=0)  # zeros, beside what is there
    if makes_maps(trace) and few:
        yield from pad_and_crop(trace, stride, axes)
    if _pools_all(step, axes):
        yield from adaptive_pool(trace, step, (1,) * axes)
    if smallest is None:
        return
    if isinstance(step.attrs, ConvAttrs) and step.kind == "module" and axes == 1:
        yield from _padding(trace, step)
    at_least = tuple(max(size, 1) for size in smallest)
    enough = [size >= least for size, least in zip(given, at_least, strict=False)]
    if any(enough):
        at_least = tuple(map(max, zip(given, at_least, strict=True)))
    yield from feed(trace, at_least, at_least=True)
    larger = [
        tuple(given[axis] if any(enough) and enough[axis] else size for axis in range(axes))
        for size in customary_larger(max(smallest))
    ]
    for sizes in larger:
        yield from feed(trace, sizes)
    yield from shrink_less(trace, _working(chain, step))
    for sizes in dict.fromkeys((*larger, at_least)):
        for proposal in resize_input(trace, sizes):
            yield replace(proposal, follow=False)
    if "pool" in step.op:
        yield from adaptive_pool(trace, step, (1,) * axes)
    yield from _whole_map(trace, step)
    if makes_maps(trace) and not few:
        yield from pad_and_crop(trace, stride, axes)


def _given_map(trace: Trace, axes: int) -> tuple[int, ...]:
    """The map of the first input that has one."""
    return next((ints(spec.shape)[-axes:] for spec in trace.inputs if len(spec.shape) > axes), ())


def _padding(trace: Trace, step: Step) -> Iterator[Proposal]:
    """Half a window of zeros on either side, for a sequence that is shorter than the window."""
    call = constructor_of(trace, step.path)
    node = None if call is None else call.argument("kernel_size")
    if call is None or node is None or call.argument("padding") is not None:
        return
    text = call.code.text(node)
    half = str(int(text) // 2) if text.isdigit() else f"{text} // 2"
    yield Proposal(
        f"let `{name_of(step)}` see half a window of zeros on either side",
        (call.set("padding", half),),
        kind="padding",
    )


def _whole_map(trace: Trace, step: Step) -> Iterator[Proposal]:
    """A window as large as the map, for a convolution that goes nowhere: it sees all at once."""
    attrs = step.attrs
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    if call is None or not isinstance(attrs, ConvAttrs) or not step.op.startswith("conv"):
        return
    padded = isinstance(attrs.padding, str) or max(attrs.padding)
    maps = ints(step.inputs[0].shape)[-len(attrs.kernel_size) :]
    if padded or max(attrs.stride) > 1 or min(maps, default=0) < 1 or len(maps) < 2:
        return
    yield Proposal(
        f"a window of {shape_text(maps)} sees the whole map",
        (call.set("kernel_size", f"({', '.join(map(str, maps))})"),),
        kind="whole",
    )


def _pools_all(step: Step, axes: int) -> bool:
    """Whether a pool was meant to leave a single value: its window is large and goes nowhere."""
    attrs = step.attrs
    if not isinstance(attrs, PoolAttrs) or "avg" not in step.op:
        return False
    return min(attrs.kernel_size) >= 4 or max(attrs.stride) == 1


def _working(chain: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    return (*tuple(one for one in chain if one is not step), step)
