"""Channels that are to become pixels, and do not divide into squares of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import isqrt

from shapescope.analysis.code import CallSource, constructor_of, value_of
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import (
    channel_maker,
    make_instead,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.words import arrive, name_of, plural, shape_text
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.attrs import CallAttrs
from shapescope.trace import Step, Trace

SHUFFLE = declare("shuffle-channels", "a pixel shuffle gets channels that it cannot divide")


@failing("pixel_shuffle")
def cannot_shuffle(case: Case) -> Iterator[Finding]:
    """Channels that are no multiple of the squared factor."""
    step = case.failed
    if step is None or not step.inputs or not isinstance(step.attrs, CallAttrs):
        return
    factor, sizes = step.attrs.get("upscale_factor"), ints(step.inputs[0].shape)
    if not isinstance(factor, int) or len(sizes) < 3 or sizes[-3] % factor**2 == 0:
        return
    channels, area = sizes[-3], factor**2
    maker, _ = channel_maker(case.trace, step)
    argument = None if maker is None else output_argument(maker)
    yield finding(
        SHUFFLE,
        f"`{name_of(step)}` takes {area} channels for each one it makes, but {arrive(channels)}",
        step=step,
        labels=(
            *places(case.trace, step, "upscale_factor", f"upscale_factor = {factor}"),
            None
            if maker is None or argument is None
            else argument_label(
                case.trace,
                maker.path,
                argument,
                f"`{name_of(maker)}` makes {plural(channels, 'channel')}",
            ),
        ),
        why=(
            f"{channels} channels are not divisible by {factor} * {factor} = {area}",
            (
                f"{shape_text(sizes)}: of every {area} channels it makes one, {factor} times as "
                "high and wide"
            ),
        ),
        proposals=_proposals(case.trace, step, maker, channels, factor),
    )


def _proposals(
    trace: Trace, step: Step, maker: Step | None, channels: int, factor: int
) -> Iterator[Proposal]:
    """As many channels as come out whole: the square of the factor for each."""
    yield from _other_square(trace, step, maker, channels, factor)
    for wanted in _likely(channels, factor):
        yield from _squared(trace, step, maker, wanted)
        yield from make_instead(trace, maker, wanted * factor**2)


def _likely(channels: int, factor: int) -> tuple[int, ...]:
    """How many channels were meant to come out: the factor taken once, or doubled, is a slip.

    Otherwise as many as make the nearest multiple.
    """
    if channels % factor == 0 and channels != 2 * factor:
        return (channels // factor,)
    if channels == 2 * factor:
        return (1, 2)
    return tuple(dict.fromkeys((max(1, round(channels / factor**2)), channels)))


def _other_square(
    trace: Trace, step: Step, maker: Step | None, channels: int, factor: int
) -> Iterator[Proposal]:
    """`3 * scale ** 2` for `3 * 2 ** 2`: the square of another factor, and what it multiplies."""
    call = None if maker is None or maker.kind != "module" else constructor_of(trace, maker.path)
    argument = None if maker is None else output_argument(maker)
    node = None if call is None or argument is None else call.argument(argument)
    if maker is None or call is None or not isinstance(node, ast.BinOp):
        return
    if not isinstance(node.op, ast.Mult):
        return
    name = _factor_there(trace, step, call) or str(factor)
    for part, rest in ((node.right, node.left), (node.left, node.right)):
        square = value_of(trace, maker.path, call.code, part)
        if square is None or square < 4 or isqrt(square) ** 2 != square or channels % square:
            continue
        edit = call.code.replace(part, f"{name} ** 2")
        times = call.code.text(rest)
        yield Proposal(
            f"make {times} * {name} ** 2 channels in `{name_of(maker)}`", (edit,), kind="producer"
        )


def _factor_there(trace: Trace, step: Step, made: CallSource) -> str | None:
    """What the factor is called where another layer is made; None where it has no name there."""
    shuffle = constructor_of(trace, step.path) if step.kind == "module" else None
    node = None if shuffle is None else shuffle.argument("upscale_factor")
    if shuffle is None or node is None:
        return None
    near = shuffle.code.function(shuffle.node) is made.code.function(made.node)
    return shuffle.code.text(node) if near else None


def _squared(trace: Trace, step: Step, maker: Step | None, wanted: int) -> Iterator[Proposal]:
    """The number spelled with the name of the factor, where the maker's line knows it."""
    made = None if maker is None or maker.kind != "module" else constructor_of(trace, maker.path)
    argument = None if maker is None else output_argument(maker)
    name = None if made is None else _factor_there(trace, step, made)
    if made is None or maker is None or argument is None or name is None:
        return
    text = f"{name} ** 2" if wanted == 1 else f"{wanted} * {name} ** 2"
    yield Proposal(
        f"make {text} channels in `{name_of(maker)}`",
        (made.set(argument, text),),
        kind="producer",
    )
