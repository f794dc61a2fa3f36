"""Pools of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapescope.attrs import (
    AdaptivePoolAttrs,
    Attrs,
    FractionalPoolAttrs,
    PoolAttrs,
    UnpoolAttrs,
)
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.values import per_axis, plain


def _of(module: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(module, name, None) for name in names}


_POOL_SETTINGS = (
    "kernel_size", "stride", "padding", "dilation", "ceil_mode", "count_include_pad", "norm_type",
)  # fmt: skip


def _pool(given: Bound, axes: int, average: bool) -> PoolAttrs:
    kernel = per_axis(given["kernel_size"], axes)
    stride = given.get("stride")
    counts_pad = given.get("count_include_pad")
    return PoolAttrs(
        kernel_size=kernel,
        # left out, None and [] all mean: as far as the window is wide
        stride=kernel if stride is None or stride == [] or stride == () else per_axis(stride, axes),
        padding=per_axis(given.get("padding") or 0, axes),
        dilation=per_axis(1 if given.get("dilation") is None else given["dilation"], axes),
        ceil_mode=bool(given.get("ceil_mode")),
        count_include_pad=(counts_pad is None or bool(counts_pad)) if average else None,
        norm_type=given.get("norm_type"),
    )


def _adaptive(given: Bound, axes: int) -> AdaptivePoolAttrs:
    return AdaptivePoolAttrs(per_axis(given.get("output_size"), axes))


def _fractional(given: Bound, axes: int) -> FractionalPoolAttrs:
    size, ratio = given.get("output_size"), given.get("output_ratio")
    return FractionalPoolAttrs(
        kernel_size=per_axis(given["kernel_size"], axes),
        output_size=None if size is None else per_axis(size, axes),
        output_ratio=None if ratio is None else per_axis(ratio, axes),
    )


def _unpool(given: Bound, axes: int) -> UnpoolAttrs:
    kernel = per_axis(given["kernel_size"], axes)
    stride, size = given.get("stride"), given.get("output_size")
    return UnpoolAttrs(
        kernel_size=kernel,
        stride=kernel if stride is None or stride in ((), []) else per_axis(stride, axes),
        padding=per_axis(given.get("padding") or 0, axes),
        output_size=None if size is None else tuple(plain(item) for item in size)[-axes:],
    )


def _both(
    read: Callable[[Bound], Attrs], *names: str
) -> tuple[Callable[[Bound], Attrs], Callable[[Any, Bound], Attrs]]:
    return read, lambda module, bound: read({**_of(module, *names), **bound})


for _axes in (1, 2, 3):
    _call, _module = _both(lambda given, n=_axes: _pool(given, n, False), *_POOL_SETTINGS)
    register(
        Op(
            f"max_pool{_axes}d",
            "input kernel_size stride padding dilation ceil_mode return_indices",
            modules=(f"MaxPool{_axes}d",),
            from_call=_call,
            from_module=_module,
            free=True,
            windowed=True,
        )
    )
    register(
        Op(
            f"lp_pool{_axes}d",
            "input norm_type kernel_size stride ceil_mode",
            modules=(f"LPPool{_axes}d",),
            from_call=_call,
            from_module=_module,
            free=True,
            windowed=True,
        )
    )
    _call, _module = _both(lambda given, n=_axes: _pool(given, n, True), *_POOL_SETTINGS)
    register(
        Op(
            f"avg_pool{_axes}d",
            "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
            modules=(f"AvgPool{_axes}d",),
            from_call=_call,
            from_module=_module,
            free=True,
            windowed=True,
        )
    )
    _call, _module = _both(lambda given, n=_axes: _adaptive(given, n), "output_size")
    for _kind, _class in (("avg", "Avg"), ("max", "Max")):
        register(
            Op(
                f"adaptive_{_kind}_pool{_axes}d",
                "input output_size return_indices",
                modules=(f"Adaptive{_class}Pool{_axes}d",),
                from_call=_call,
                from_module=_module,
                free=True,
                windowed=True,
            )
        )
    _call, _module = _both(
        lambda given, n=_axes: _unpool(given, n), "kernel_size", "stride", "padding"
    )
    register(
        Op(
            f"max_unpool{_axes}d",
            "input indices kernel_size stride padding output_size",
            modules=(f"MaxUnpool{_axes}d",),
            forward="input indices output_size",
            from_call=_call,
            from_module=_module,
            free=True,
            windowed=True,
        )
    )
    if _axes > 1:
        _call, _module = _both(
            lambda given, n=_axes: _fractional(given, n),
            "kernel_size",
            "output_size",
            "output_ratio",
        )
        register(
            Op(
                f"fractional_max_pool{_axes}d",
                "input kernel_size output_size output_ratio return_indices",
                modules=(f"FractionalMaxPool{_axes}d",),
                from_call=_call,
                from_module=_module,
                free=True,
                windowed=True,
            )
        )
