"""Normalisations: they keep the shape."""

from __future__ import annotations

from typing import Any

from shapescope.attrs import NormAttrs
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, shapes
from shapescope.ops.values import plain
from shapescope.trace import Step

WEIGHTS = ("weight", "bias", "running_mean", "running_var")


def same_shape(step: Step) -> tuple[Ints, ...]:
    """The shape of the first input."""
    return shapes(step)[:1]


def _normalized(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    return tuple(plain(item) for item in value) if isinstance(value, tuple | list) else (value,)


def _module(module: Any, bound: Bound) -> NormAttrs:
    features = getattr(module, "num_features", getattr(module, "num_channels", None))
    tracked = getattr(module, "running_mean", None) is not None
    by_batch = hasattr(module, "track_running_stats")
    return NormAttrs(
        num_features=features,
        num_groups=getattr(module, "num_groups", None),
        normalized_shape=_normalized(getattr(module, "normalized_shape", None)),
        affine=getattr(module, "weight", None) is not None,
        batch_statistics=by_batch and (module.training or not tracked),
    )


def _batch_norm_call(bound: Bound) -> NormAttrs:
    mean = bound.get("running_mean")
    weight = bound.get("weight")
    known = next((tensor for tensor in (mean, weight) if tensor is not None), None)
    return NormAttrs(
        num_features=None if known is None else plain(known.shape[0]),
        affine=weight is not None,
        batch_statistics=bool(bound.get("training", False)),
    )


def _instance_norm_call(bound: Bound) -> NormAttrs:
    weight = bound.get("weight")
    return NormAttrs(
        num_features=None if weight is None else plain(weight.shape[0]), affine=weight is not None
    )


def _shape_norm_call(bound: Bound) -> NormAttrs:
    return NormAttrs(
        normalized_shape=_normalized(bound.get("normalized_shape")),
        affine=bound.get("weight") is not None,
    )


def _group_norm_call(bound: Bound) -> NormAttrs:
    weight = bound.get("weight")
    return NormAttrs(
        num_features=None if weight is None else plain(weight.shape[0]),
        num_groups=plain(bound.get("num_groups")),
        affine=weight is not None,
    )


def _instance_module(module: Any, bound: Bound) -> NormAttrs:
    attrs = _module(module, bound)
    return NormAttrs(num_features=attrs.num_features, affine=attrs.affine)


for _name, _signature, _modules, _call, _from in (
    (
        "batch_norm",
        "input running_mean running_var weight bias training momentum eps",
        ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "LazyBatchNorm1d",
         "LazyBatchNorm2d", "LazyBatchNorm3d"),
        _batch_norm_call,
        _module,
    ),
    (
        "instance_norm",
        "input running_mean running_var weight bias use_input_stats momentum eps",
        ("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d",
         "LazyInstanceNorm2d", "LazyInstanceNorm3d"),
        _instance_norm_call,
        _instance_module,
    ),
    ("layer_norm", "input normalized_shape weight bias eps", ("LayerNorm",), _shape_norm_call,
     _module),
    ("rms_norm", "input normalized_shape weight eps", ("RMSNorm",), _shape_norm_call, _module),
    ("group_norm", "input num_groups weight bias eps", ("GroupNorm",), _group_norm_call, _module),
):  # fmt: skip
    register(
        Op(
            _name,
            _signature,
            weights=WEIGHTS,
            modules=_modules,
            from_call=_call,
            from_module=_from,
            output_shape=same_shape,
            free=True,
            pointwise=True,
        )
    )
