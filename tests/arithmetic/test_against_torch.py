"""The arithmetic against PyTorch's CPU: the same output, or refused by both.

20,000 and more random configurations by default, always the same ones; SHAPESCOPE_HYPOTHESIS=N
draws about N new ones.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from shapescope import arithmetic as ar

TOTAL = int(os.environ.get("SHAPESCOPE_HYPOTHESIS", "0"))
BASE = 25_000
REFUSALS = (RuntimeError, ValueError, IndexError)
Axis = tuple[int, int, int, int, int]

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


def examples(share: int) -> settings:
    count = share * TOTAL // BASE if TOTAL else share
    return settings(
        max_examples=max(count, 1),
        deadline=None,
        database=None,
        derandomize=not TOTAL,
        suppress_health_check=list(HealthCheck),
    )


def torch_says(call: Callable[[], Tensor]) -> tuple[int, ...] | None:
    """Shape of what PyTorch makes, or None where it refuses."""
    with torch.no_grad():
        try:
            shape = tuple(call().shape)
        except REFUSALS:
            return None
    # a bug of ATen: reflect padding of no sample hands out a tensor whose last size is -1
    return None if any(n < 0 for n in shape) else shape


def agree(call: Callable[[], Tensor], reason: str | None, shape: Callable[[], Any]) -> None:
    observed = torch_says(call)
    if observed is None:
        assert reason is not None
        assert reason and "\n" not in reason and not reason.endswith(".")
    else:
        assert reason is None, f"torch makes {observed}"
        assert tuple(shape()) == observed


def leading(batch: int | None, channels: int) -> tuple[int, ...]:
    return (channels,) if batch is None else (batch, channels)


def axes(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.integers(1, 3).flatmap(
        lambda rank: st.lists(st.tuples(*strategies), min_size=rank, max_size=rank)
    )


def columns(rows: list[Any]) -> Any:
    return tuple(zip(*rows, strict=True))


# mostly what runs, with every way to be refused among it
SIZE = st.sampled_from([*range(1, 13), 4, 5, 6, 7, 8, 0])
KERNEL = st.sampled_from([1, 1, 2, 2, 3, 3, 3, 4, 5, 7, 1, 2, 3, 4, 0])
STRIDE = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 1, 2, 3, 5, 1, 2, 0, -1])
PADDING = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 0, 1, 2, 4, 0, 1, -1])
DILATION = st.sampled_from([1, 1, 1, 1, 2, 3, 1, 2, 1, 1, 4, 1, 0, -1])
BATCH = st.sampled_from([1, 2, 1, 2, 16, None, 0])
CHANNELS = st.sampled_from([1, 2, 4, 3, 1, 2, 0])
CONVS = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)


@examples(5000)
@given(
    axes(SIZE, KERNEL, STRIDE, PADDING, DILATION),
    BATCH,
    CHANNELS,
    st.sampled_from([1, 2, 3, 4, 0]),
    st.sampled_from([1, 1, 1, 2, 3, 0]),
    st.sampled_from(["", "", "", "", "same", "valid"]),
)
def test_conv(
    rows: list[Axis], batch: int | None, channels: int, out: int, groups: int, named: str
) -> None:
    sizes, kernel, stride, padding, dilation = columns(rows)
    x = torch.ones(leading(batch, channels) + sizes)
    weight = torch.ones(out, channels // max(groups, 1), *kernel)
    pad = named or padding
    assume(pad != "same" or 0 not in kernel)
    pairs = ar.padding_pairs(pad, kernel, dilation)

    def shape() -> tuple[int, ...]:
        made = map(ar.conv_output, sizes, kernel, stride, pairs, dilation)
        # without input channels ATen makes no output channels either
        return (*leading(batch, out if channels else 0), *made)

    reason = ar.groups_refusal(channels, out, groups) or ar.conv_refusal(
        sizes,
        kernel,
        stride,
        pad,
        dilation,
        batch=1 if batch is None else batch,
        channels=channels,
    )
    conv = CONVS[len(rows) - 1]
    agree(lambda: conv(x, weight, None, stride, pad, dilation, groups), reason, shape)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@examples(1500)
@given(
    axes(
        SIZE,
        st.sampled_from([1, 2, 3, 3, 4, 5]),
        st.sampled_from([1, 1, 2, 3]),
        st.sampled_from([0, 1, 1, 2, 3, -1]),
        st.sampled_from([1, 1, 2]),
    ),
    BATCH,
    st.sampled_from(["reflect", "replicate", "circular"]),
    st.booleans(),
)
def test_conv_with_a_padding_mode(
    rows: list[Axis], batch: int | None, mode: str, same: bool
) -> None:
    sizes, kernel, stride, padding, dilation = columns(rows)
    stride = (1,) * len(rows) if same else stride
    pad = "same" if same else padding
    pairs = ar.padding_pairs(pad, kernel, dilation)
    make: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(rows) - 1]
    layer = make(2, 3, kernel, stride, pad, dilation, padding_mode=mode, device="meta")
    weights = {name: torch.ones(p.shape) for name, p in layer.named_parameters()}
    x = torch.ones(leading(batch, 2) + sizes)
    reason = ar.conv_refusal(
        sizes,
        kernel,
        stride,
        pad,
        dilation,
        padding_mode=mode,
        batch=1 if batch is None else batch,
        channels=2,
    )
    agree(
        lambda: torch.func.functional_call(layer, weights, (x,)),
        reason,
        lambda: (
            *leading(batch, 3),
            *map(ar.conv_output, sizes, kernel, stride, pairs, dilation),
        ),
    )


@examples(4000)
@given(
    axes(
        st.sampled_from([1, 1, 2, 3, 4, 5, 6, 0]),
        KERNEL,
        STRIDE,
        PADDING,
        DILATION,
        st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, -1]),
    ),
    BATCH,
    st.sampled_from([1, 2, 4, 6, 3]),
    st.sampled_from([1, 2, 3, 4, 0]),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.sampled_from([torch.float32, torch.float32, torch.float64]),
)
def test_transposed(
    rows: list[tuple[int, ...]],
    batch: int | None,
    channels: int,
    per_group: int,
    groups: int,
    dtype: torch.dtype,
) -> None:
    sizes, kernel, stride, padding, dilation, extra = columns(rows)
    # oneDNN runs some of these and not others, as the processor has it
    assume(
        dtype is torch.float64 or not any(k > 1 > d for k, d in zip(kernel, dilation, strict=True))
    )
    x = torch.ones(leading(batch, channels) + sizes, dtype=dtype)
    weight = torch.ones(channels, per_group, *kernel, dtype=dtype)
    out = per_group * groups
    reason = ar.groups_refusal(channels, out, groups, transposed=True) or ar.transposed_refusal(
        sizes,
        kernel,
        stride,
        padding,
        extra,
        dilation,
        batch=1 if batch is None else batch,
        channels=channels,
        groups=groups,
        float32=dtype is torch.float32,
        threads=torch.get_num_threads(),
    )
    conv = TRANSPOSED[len(rows) - 1]
    agree(
        lambda: conv(x, weight, None, stride, padding, extra, groups, dilation),
        reason,
        lambda: (
            *leading(batch, out),
            *map(ar.transposed_output, sizes, kernel, stride, padding, extra, dilation),
        ),
    )


@examples(700)
@given(
    axes(
        st.integers(1, 6),
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(1, 3),
        st.integers(-2, 4),
    )
)
def test_transposed_to_an_output_size(rows: list[tuple[int, ...]]) -> None:
    sizes, kernel, stride, padding, dilation, more = columns(rows)
    default = list(map(ar.transposed_output, sizes, kernel, stride, padding, [0] * 3, dilation))
    wanted = [n + m for n, m in zip(default, more, strict=True)]
    make = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[len(rows) - 1]
    layer = make(1, 1, kernel, stride, padding, dilation=dilation)
    chosen = ar.transposed_output_padding(sizes, wanted, kernel, stride, padding, dilation)
    reason = chosen if isinstance(chosen, str) else None
    if not isinstance(chosen, str):
        reason = ar.transposed_refusal(
            sizes,
            kernel,
            stride,
            padding,
            chosen,
            dilation,
            threads=torch.get_num_threads(),
        )
    agree(lambda: layer(torch.ones(1, 1, *sizes), wanted), reason, lambda: (1, 1, *wanted))


POOLS: dict[str, tuple[Callable[..., Any], ...]] = {
    "max": (F.max_pool1d, F.max_pool2d, F.max_pool3d),
    "avg": (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
    "lp": (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d),
}
POOL_KERNEL = st.sampled_from([1, 2, 2, 3, 3, 4, 5, 6, 2, 3, 9, 0, -1])


@examples(5500)
@given(
    st.sampled_from(["max", "max", "avg", "avg", "lp"]),
    axes(SIZE, POOL_KERNEL, STRIDE, PADDING, DILATION),
    BATCH,
    CHANNELS,
    st.booleans(),
    st.sampled_from([False, False, True]),
    st.booleans(),
)
def test_pool(
    kind: str,
    rows: list[Axis],
    batch: int | None,
    channels: int,
    ceil_mode: bool,
    unstrided: bool,
    flag: bool,
) -> None:
    sizes, kernel, stride, padding, dilation = columns(rows)
    rank = len(rows)
    if kind != "max":
        dilation = (1,) * rank
    if kind == "lp":
        padding = (0,) * rank
    x = torch.ones(leading(batch, channels) + sizes)
    pool = POOLS[kind][rank - 1]
    step = None if unstrided else stride

    def call() -> Tensor:
        if kind == "max":
            # the indices come from another kernel in one dimension
            made = pool(x, kernel, step, padding, dilation, ceil_mode, return_indices=flag)
            result: Tensor = made[0] if flag else made
        elif kind == "avg":
            result = pool(x, kernel, step, padding, ceil_mode, flag)
        elif rank == 1:
            result = pool(x, 2.0, kernel[0], None if step is None else step[0], ceil_mode)
        else:
            result = pool(x, 2.0, kernel, step, ceil_mode)
        return result

    reason = ar.pool_refusal(
        sizes,
        kernel,
        step,
        padding,
        dilation,
        kind=kind,
        ceil_mode=ceil_mode,
        channels=channels,
    )

    def shape() -> tuple[int, ...]:
        made = [
            ar.pool_output(n, k, k if unstrided else s, (p, p), d, ceil_mode)
            for n, k, s, p, d in rows_of(sizes, kernel, stride, padding, dilation)
        ]
        return (*leading(batch, channels), *made)

    agree(call, reason, shape)


def rows_of(*args: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(zip(*args, strict=True))


UNPOOLS = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)


@examples(1200)
@given(
    axes(
        st.sampled_from([1, 2, 3, 4, 5, 6, 2, 3, 0]),
        st.sampled_from([1, 2, 2, 3, 3, 4, 0]),
        st.sampled_from([1, 2, 2, 3, 2, 1, 0, -1]),
        st.sampled_from([0, 0, 0, 1, 1, 2, -1]),
        st.sampled_from([0, 0, 1, -1, 2, -2, 3]),
    ),
    st.sampled_from([1, 2, 1, 2, None, 0]),
    st.sampled_from([1, 2, 3, 0]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 0, 1, 3, 7, 24, 90, -1]),
)
def test_unpool(
    rows: list[tuple[int, ...]],
    batch: int | None,
    channels: int,
    unstrided: bool,
    sized: bool,
    index: int,
) -> None:
    sizes, kernel, stride, padding, more = columns(rows)
    step = None if unstrided else stride
    made = [
        ar.unpool_output(n, k, k if unstrided else s, p)
        for n, k, s, p in rows_of(sizes, kernel, stride, padding)
    ]
    wanted = tuple(n + m for n, m in zip(made, more, strict=True)) if sized else None
    shape = leading(batch, channels) + sizes
    x, indices = torch.ones(shape), torch.full(shape, index)
    reason = ar.unpool_refusal(
        sizes,
        kernel,
        step,
        padding,
        output_size=wanted,
        indices=(index, index),
        channels=1 if batch is None else channels,
        batch=min(channels, 1) if batch is None else batch,
    )
    agree(
        lambda: UNPOOLS[len(rows) - 1](x, indices, kernel, step, padding, wanted),
        reason,
        lambda: (*leading(batch, channels), *(wanted or made)),
    )


@examples(1200)
@given(
    st.lists(st.tuples(SIZE, KERNEL, STRIDE, PADDING, DILATION), min_size=2, max_size=2),
    BATCH,
    CHANNELS,
)
def test_unfold(rows: list[Axis], batch: int | None, channels: int) -> None:
    sizes, kernel, stride, padding, dilation = columns(rows)
    x = torch.ones(leading(batch, channels) + sizes)
    agree(
        lambda: F.unfold(x, kernel, dilation, padding, stride),
        ar.unfold_refusal(sizes, kernel, stride, padding, dilation, channels=channels),
        lambda: (
            *leading(batch, channels * math.prod(kernel)),
            math.prod(map(ar.unfold_output, sizes, kernel, stride, padding, dilation)),
        ),
    )


@examples(1200)
@given(
    st.lists(st.tuples(SIZE, KERNEL, STRIDE, PADDING, DILATION), min_size=2, max_size=2),
    st.sampled_from([1, 2, None, 0]),
    CHANNELS,
    st.sampled_from([0, 0, 0, 0, 0, 0, 1]),
    st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1]),
)
def test_fold(rows: list[Axis], batch: int | None, channels: int, uneven: int, off: int) -> None:
    sizes, kernel, stride, padding, dilation = columns(rows)
    windows = 1
    if all(stride):
        windows = math.prod(ar.window_counts(sizes, kernel, stride, padding, dilation))
    windows = max(windows + off, 0)
    stacked = channels * math.prod(kernel) + uneven
    x = torch.ones(*leading(batch, stacked), windows)
    agree(
        lambda: F.fold(x, sizes, kernel, dilation, padding, stride),
        ar.fold_refusal(stacked, windows, sizes, kernel, stride, padding, dilation),
        lambda: (*leading(batch, stacked // math.prod(kernel)), *sizes),
    )


@examples(2200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3, 4, 5, 6, 3, 4, 5, 0]),
            st.sampled_from([0, 0, 1, 1, 2, 3, 4, -1, -2, -5]),
            st.sampled_from([0, 0, 1, 1, 2, 3, 4, -1, -2, -5]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    st.lists(st.sampled_from([1, 2, 1, 3, 0]), min_size=0, max_size=3),
)
def test_pad(rows: list[tuple[int, int, int]], mode: str, front: list[int]) -> None:
    sizes = tuple(n for n, _, _ in rows)
    pairs = [(before, after) for _, before, after in rows]
    x = torch.ones(*front, *sizes)
    amounts = list(itertools.chain.from_iterable(reversed(pairs)))
    reason = ar.pad_refusal(
        sizes,
        pairs,
        mode=mode,
        batch=math.prod(front[:-1]),
        channels=front[-1] if front else 1,
        rank=x.dim(),
    )
    agree(
        lambda: F.pad(x, amounts, mode),
        reason,
        lambda: (*front, *(ar.pad_output(n, *pair) for n, pair in zip(sizes, pairs, strict=True))),
    )


@pytest.mark.parametrize("front", [(1,), (2,), (0,), (1, 1), (2, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("emptied", [False, True])
def test_every_circular_padding_of_a_small_map(front: tuple[int, ...], emptied: bool) -> None:
    last = [(-1, 0)] if emptied else []
    for n, before, after in itertools.product(range(6), range(-7, 7), range(-7, 7)):
        sizes, pairs = (n, *(1 for _ in last)), [(before, after), *last]
        amounts = list(itertools.chain.from_iterable(reversed(pairs)))
        reason = ar.pad_refusal(
            sizes, pairs, mode="circular", batch=math.prod(front[:-1]), channels=front[-1]
        )
        made = [n + before + after, *(0 for _ in last)]
        x = torch.ones(*front, *sizes)
        agree(partial(F.pad, x, amounts, "circular"), reason, partial(tuple, (*front, *made)))


FACTORS = st.sampled_from([0.29, 0.5, 1.1, 1.15, 1.5, 2.0, 3.0, 0.1, 0.07, 2, 1 / 3, -0.1, -1.0])


@examples(1500)
@given(
    axes(
        st.sampled_from([1, 2, 3, 4, 7, 10, 29, 5, 100, 0]),
        st.sampled_from([1, 2, 3, 5, 7, 8, 0, -1]),
        FACTORS,
    ),
    st.sampled_from([*ar.resampling.MODE_RANKS, "cubic"]),
    st.booleans(),
    st.sampled_from([None, None, None, True, False]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([None, None, True]),
    st.sampled_from([1, 2, 1, 2, 0]),
    st.sampled_from([1, 2, 1, 2, 0]),
)
def test_interpolate(
    rows: list[tuple[int, int, float]],
    mode: str,
    sized: bool,
    align_corners: bool | None,
    antialias: bool,
    recompute: bool | None,
    batch: int,
    channels: int,
) -> None:
    sizes = tuple(row[0] for row in rows)
    if math.prod(sizes) > 3000:
        sizes = tuple(min(n, 10) for n in sizes)
    wanted, factors = [row[1] for row in rows], [row[2] for row in rows]
    outputs = (
        [ar.interpolate_output(n, size=out) for n, out in zip(sizes, wanted, strict=True)]
        if sized
        else [ar.interpolate_output(n, scale_factor=f) for n, f in zip(sizes, factors, strict=True)]
    )
    agree(
        lambda: F.interpolate(
            torch.ones(batch, channels, *sizes),
            size=wanted if sized else None,
            scale_factor=None if sized else factors,
            mode=mode,
            align_corners=align_corners,
            antialias=antialias,
            recompute_scale_factor=None if sized else recompute,
        ),
        ar.interpolate_refusal(
            sizes,
            outputs,
            mode=mode,
            align_corners=align_corners,
            antialias=antialias,
            channels=channels,
        ),
        lambda: (batch, channels, *outputs),
    )


ADAPTIVE = {
    "avg": (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d),
    "max": (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d),
}


@examples(1000)
@given(
    st.sampled_from(["avg", "max"]),
    axes(SIZE, st.sampled_from([1, 1, 1, 2, 3, 5, 7, None, 0, -1])),
    st.sampled_from([1, 2, 0]),
    st.sampled_from([1, 2, 0]),
)
def test_adaptive(kind: str, rows: list[Any], batch: int, channels: int) -> None:
    sizes, wanted = columns(rows)
    if len(rows) == 1 and wanted[0] is None:
        wanted = (1,)  # the one-dimensional function knows no None
    pool: Any = ADAPTIVE[kind][len(rows) - 1]
    agree(
        lambda: pool(torch.ones(batch, channels, *sizes), wanted),
        ar.adaptive_refusal(sizes, wanted, kind=kind, channels=channels),
        lambda: (batch, channels, *map(ar.adaptive_output, sizes, wanted)),
    )


@examples(800)
@given(
    st.integers(2, 3).flatmap(
        lambda rank: st.lists(
            st.tuples(
                SIZE,
                st.sampled_from([1, 2, 3, 4, 0]),
                st.sampled_from([1, 2, 3, 5, 8, 0, -1]),
                st.sampled_from([0.29, 0.5, 0.7, 0.9, 0.05]),
            ),
            min_size=rank,
            max_size=rank,
        )
    ),
    st.sampled_from([1, 2, None, 0]),
    st.sampled_from([1, 2, 3, 0]),
    st.booleans(),
)
def test_fractional_pool(rows: list[Any], batch: int | None, channels: int, by_ratio: bool) -> None:
    sizes, kernel, wanted, ratios = columns(rows)
    if by_ratio:
        outputs = [
            ar.fractional_pool_output(n, output_ratio=r) for n, r in zip(sizes, ratios, strict=True)
        ]
    else:
        outputs = [ar.fractional_pool_output(0, output_size=out) for out in wanted]
    pool = (F.fractional_max_pool2d, F.fractional_max_pool3d)[len(rows) - 2]
    x = torch.ones(leading(batch, channels) + sizes)
    target = {"output_ratio": ratios} if by_ratio else {"output_size": wanted}
    agree(
        lambda: pool(x, kernel, **target),
        ar.fractional_pool_refusal(
            sizes, kernel, outputs, channels=1 if batch is None else channels
        ),
        lambda: (*leading(batch, channels), *outputs),
    )


@examples(600)
@given(
    st.lists(st.sampled_from([1, 2, 4, 8, 9, 12, 3, 0]), min_size=2, max_size=5),
    st.sampled_from([1, 2, 3, 0, -2]),
)
def test_pixel_shuffles(shape: list[int], factor: int) -> None:
    x = torch.ones(shape)
    agree(
        lambda: F.pixel_shuffle(x, factor),
        ar.pixel_shuffle_refusal(shape, factor),
        lambda: (
            *shape[:-3],
            ar.pixel_shuffle_channels(shape[-3], factor),
            ar.pixel_shuffle_output(shape[-2], factor),
            ar.pixel_shuffle_output(shape[-1], factor),
        ),
    )
    agree(
        lambda: F.pixel_unshuffle(x, factor),
        ar.pixel_unshuffle_refusal(shape, factor),
        lambda: ar.pixel_unshuffle_shape(shape, factor),
    )


@examples(300)
@given(st.integers(0, 12), st.integers(-1, 13), st.integers(-1, 5))
def test_tensor_unfold(n: int, size: int, step: int) -> None:
    agree(
        lambda: torch.ones(n).unfold(0, size, step),
        ar.tensor_unfold_refusal(n, size, step),
        lambda: (ar.tensor_unfold_output(n, size, step), size),
    )


@examples(500)
@given(
    st.lists(st.sampled_from([1, 2, 3, 4, 6, 0]), max_size=4),
    st.lists(st.sampled_from([1, 2, 3, 4, 6, 12, -1, -1, 0, -2]), max_size=4),
    st.integers(-4, 4),
    st.integers(-4, 4),
)
def test_reshape_and_flatten(shape: list[int], target: list[int], start: int, end: int) -> None:
    x = torch.ones(shape)
    agree(
        lambda: x.reshape(target),
        ar.reshape_refusal(shape, target),
        lambda: ar.reshape_shape(shape, target),
    )
    agree(
        lambda: x.flatten(start, end),
        ar.flatten_refusal(shape, start, end),
        lambda: ar.flatten_shape(shape, start, end),
    )


@examples(400)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([(0,), (2, 3), (2, 4), (5, 3), (), (0, 3)]),
            st.tuples(st.sampled_from([2, 3, 0]), st.just(3)),
            st.tuples(st.just(2), st.sampled_from([1, 2]), st.just(3)),
        ),
        max_size=4,
    ),
    st.integers(-4, 3),
)
def test_cat(shapes: list[tuple[int, ...]], axis: int) -> None:
    agree(
        lambda: torch.cat([torch.ones(shape) for shape in shapes], axis),
        ar.cat_refusal(shapes, axis),
        lambda: ar.cat_shape(shapes, axis),
    )


@examples(300)
@given(
    st.integers(0, 9),
    st.one_of(st.none(), st.integers(-12, 12)),
    st.one_of(st.none(), st.integers(-12, 12)),
    st.integers(1, 4),
)
def test_slice(n: int, start: int | None, stop: int | None, step: int) -> None:
    made = torch.ones(n)[start:stop:step]
    assert ar.slice_output(n, start, stop, step) == made.shape[0]


@examples(400)
@given(
    st.lists(st.sampled_from([1, 2, 3, 0]), min_size=3, max_size=5),
    st.lists(st.sampled_from([1, 2, 3, 4, 0]), min_size=1, max_size=3),
    st.sampled_from([2, 2, 2, 3]),
    st.booleans(),
    st.sampled_from(["bilinear", "nearest", "bicubic"]),
)
def test_grid_sample(
    shape: list[int], inner: list[int], last: int, same_batch: bool, mode: str
) -> None:
    grid = [shape[0] if same_batch else shape[0] + 1, *inner, last]
    agree(
        lambda: F.grid_sample(torch.ones(shape), torch.zeros(grid), mode, align_corners=False),
        ar.grid_sample_refusal(shape, grid, mode=mode),
        lambda: ar.grid_sample_shape(shape, grid),
    )


@examples(100)
@given(st.integers(0, 12), st.integers(-1, 5))
def test_channel_shuffle(channels: int, groups: int) -> None:
    agree(
        lambda: F.channel_shuffle(torch.ones(1, channels, 2, 2), groups),
        ar.channel_shuffle_refusal(channels, groups),
        lambda: (1, channels, 2, 2),
    )
