"""The last step of a model, and what it should have given the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shapescope.analysis.diagnosis.finding import Proposal, label
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    spatial_axes,
)
from shapescope.analysis.diagnosis.words import (
    sizes_text,
)
from shapescope.analysis.fixes.decoder import other_scale, other_windows, resize_the_end, unpadded
from shapescope.analysis.fixes.outputs import resized_result, returned_with
from shapescope.analysis.fixes.padding import keep_sizes
from shapescope.analysis.fixes.resample import (
    functional_name,
    padding_that_keeps,
    root_forward,
)
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

_SHARE = 8


def last_of(trace: Trace, output: tuple[int, ...]) -> Step | None:
    """The step that made what is returned."""
    leaves = [step for step in trace.steps if step.outputs and not step.is_composite]
    same = [step for step in leaves if ints(step.outputs[0].shape) == output]
    return same[-1] if same else None


def growing(chain: Sequence[Step]) -> Iterator[Label | None]:
    """The transposed convolutions on the way, with what each makes of the map.

    Without any, the last windows that changed the map.
    """
    shown = [step for step in chain if step.op.startswith("conv_transpose")]
    if not shown:
        shown = [step for step in chain if spatial_axes(step) and _maps(step)[0] != _maps(step)[1]]
    for step in shown[-4:]:
        before, after = (sizes_text(sizes) for sizes in _maps(step))
        yield label(step.defined_at or step.call_site, f"{before} -> {after}")


def _maps(step: Step) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The map that goes into a window, and the one that comes out."""
    axes = spatial_axes(step)
    return ints(step.inputs[0].shape)[-axes:], ints(step.outputs[0].shape)[-axes:]


def one_step(trace: Trace, output: tuple[int, ...]) -> Iterator[Proposal]:
    """The step that stands for the sample: the last one, the class token's, or their mean."""
    ways = {
        "last": ("[:, -1]", f"the last of the {output[1]} steps"),
        "first": ("[:, 0]", "the class token alone"),
        "mean": (".mean(1)", f"the mean of the {output[1]} steps"),
    }
    chain = chain_to(trace, last_of(trace, output))
    kinds = {type(step.attrs) for step in chain}
    token = any(step.op == "cat" and len(step.outputs[0].shape) == 3 for step in chain)
    order = ["mean"]
    if RecurrentAttrs in kinds:
        order = ["last", "mean"]
    elif token:
        order = ["first", "mean"]
    for way in order:
        method, message = ways[way]
        yield from returned_with(trace, method, message)


def same_map(trace: Trace, chain: Sequence[Step], maps: tuple[int, ...]) -> Iterator[Proposal]:
    """What lets the map at the end be as large as the target's, the likeliest first."""
    if not maps or not chain:
        return
    if set(maps) == {1}:
        axes = ", ".join(str(2 + axis) for axis in range(len(maps)))
        yield from returned_with(trace, f".mean(({axes}), keepdim=True)", "one value for a map")
    yield from other_scale(trace, chain, maps)
    yield from other_windows(trace, chain, maps)
    yield from padding_that_keeps(trace, chain, maps, maps[0])
    yield from unpadded(trace, chain)
    yield from keep_sizes(trace, len(maps))
    found = root_forward(trace)
    if found is not None:
        yield from resize_the_end(chain[-1], functional_name(found[0]), maps)
        yield from resized_result(trace, chain[-1], maps)
    made = ints(chain[-1].outputs[0].shape)[-len(maps) :]
    if all(0 <= large - size <= size // _SHARE for large, size in zip(made, maps, strict=True)):
        cut = ", ".join(f":{size}" for size in maps)
        yield from returned_with(trace, f"[..., {cut}]", f"the first {sizes_text(maps)} alone")
