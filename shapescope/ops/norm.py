"""Normalisations: they keep the shape."""

from __future__ import annotations

from math import prod
from typing import Any

from shapescope.attrs import NormAttrs
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import few_axes_refusal, same_shape, shape, text
from shapescope.ops.values import plain
from shapescope.trace import Step

WEIGHTS = ("weight", "bias", "running_mean", "running_var")


def _normalized(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    return tuple(plain(item) for item in value) if isinstance(value, tuple | list) else (value,)


def _length(tensor: Any) -> int | None:
    return None if tensor is None else plain(tensor.shape[0])


# --- reading


def _module(module: Any, bound: Bound) -> NormAttrs:
    """Whatever norm it is; two kinds may have statistics that eval mode takes from storage."""
    names = [above.__name__ for above in type(module).__mro__]
    by_batch = any("BatchNorm" in name for name in names)
    by_sample = any("InstanceNorm" in name for name in names)
    stored = getattr(module, "running_mean", None) is not None
    return NormAttrs(
        num_features=getattr(module, "num_features", getattr(module, "num_channels", None)),
        num_groups=getattr(module, "num_groups", None),
        normalized_shape=_normalized(getattr(module, "normalized_shape", None)),
        affine=getattr(module, "weight", None) is not None,
        batch_statistics=by_batch and (module.training or not stored),
        stored_statistics=by_sample and stored and not module.training,
    )


def _batch_norm_call(bound: Bound) -> NormAttrs:
    features = _length(bound.get("running_mean"))
    return NormAttrs(
        num_features=_length(bound.get("weight")) if features is None else features,
        affine=bound.get("weight") is not None,
        batch_statistics=bool(bound.get("training", False)),
    )


def _instance_norm_call(bound: Bound) -> NormAttrs:
    return NormAttrs(
        num_features=_length(bound.get("weight")),
        affine=bound.get("weight") is not None,
        stored_statistics=not bound.get("use_input_stats", True),
    )


def _call(bound: Bound) -> NormAttrs:
    """Every other norm, by the arguments it was given."""
    by_shape = _normalized(bound.get("normalized_shape"))
    return NormAttrs(
        num_features=_length(bound.get("weight")) if by_shape is None else None,
        num_groups=plain(bound.get("num_groups")),
        normalized_shape=by_shape,
        affine=bound.get("weight") is not None,
    )


# --- refusals


def _channels(step: Step) -> tuple[NormAttrs, int, int] | None:
    """Attrs, channels, and how many values each channel has in a sample."""
    sizes = shape(step)
    if not isinstance(step.attrs, NormAttrs) or len(sizes) < 2:
        return None
    return step.attrs, sizes[1], prod(sizes[2:])


def _batch_norm_refusal(step: Step) -> str | None:
    found, empty = _channels(step), 0 in shape(step)
    if found is None:
        return None if empty else few_axes_refusal(shape(step), 2)
    attrs, channels, values = found
    # nothing is normalised where the input is empty, and torch does not look at its channels
    if not empty and attrs.num_features is not None and channels != attrs.num_features:
        return f"the layer takes {attrs.num_features} channels, but {channels} arrive"
    if attrs.batch_statistics and shape(step)[0] * values == 1:
        return "a mean over one value a channel says nothing: batch 1 and a map of 1 in train mode"
    return None


def _instance_norm_refusal(step: Step) -> str | None:
    found = _channels(step)
    if found is None:
        return None
    attrs, channels, _ = found
    # the channels are axis 0 where there is no batch, and a shape does not say whether there is
    if attrs.affine and attrs.num_features not in (None, *shape(step)[:2]):
        return f"the layer takes {attrs.num_features} channels, but {channels} arrive"
    single = attrs.num_features == shape(step)[0] != channels and step.kind == "module"
    if not attrs.stored_statistics and prod(shape(step)[1 if single else 2 :]) == 1:
        return "a mean over one value says nothing: a map of 1 for each channel of a sample"
    return None


def _local_response_refusal(step: Step) -> str | None:
    return few_axes_refusal(shape(step), 3)


def _group_norm_refusal(step: Step) -> str | None:
    found = _channels(step)
    if found is None:
        return few_axes_refusal(shape(step), 2)
    attrs, channels, values = found
    if not channels or not values:
        return f"{text(shape(step))} has nothing to normalise in a sample"
    if attrs.num_groups is not None and (attrs.num_groups < 1 or channels % attrs.num_groups):
        return f"{channels} channels cannot be cut into {attrs.num_groups} groups"
    if attrs.affine and attrs.num_features not in (None, channels):
        return f"the layer takes {attrs.num_features} channels, but {channels} arrive"
    together = values * (channels // (attrs.num_groups or 1))
    if attrs.num_groups is not None and shape(step)[0] * together == 1:
        return "a mean over one value a group says nothing: batch 1, and one value in each group"
    return None


def _shape_norm_refusal(step: Step) -> str | None:
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, NormAttrs) or attrs.normalized_shape is None:
        return None
    wanted = attrs.normalized_shape
    if not wanted:
        return "normalized_shape names no axis, but one at least is normalised"
    if len(wanted) > len(sizes) or sizes[len(sizes) - len(wanted) :] != wanted:
        return f"the layer takes {text(wanted)} as last axes, but {text(sizes)} arrives"
    return None


def _statistics_bytes(step: Step) -> int:
    """Bytes of the mean and the spread, a pair for whatever is normalised together."""
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, NormAttrs) or not sizes:
        return 0
    if step.op == "rms_norm" and attrs.normalized_shape is not None:
        # one number a row, and before the weight what is normalised
        rows = prod(sizes[: len(sizes) - len(attrs.normalized_shape)])
        return 4 * (rows + (prod(sizes) if attrs.affine else 0))
    if attrs.normalized_shape is not None:
        pairs = prod(sizes[: len(sizes) - len(attrs.normalized_shape)])
    elif step.op == "batch_norm":
        pairs = sizes[1] if attrs.batch_statistics and len(sizes) > 1 else 0
    else:
        pairs = sizes[0] * (attrs.num_groups or prod(sizes[1:2]))
    return 8 * pairs


for _name, _signature, _modules, _read, _reason in (
    (
        "batch_norm",
        "input running_mean running_var weight bias training momentum eps",
        ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "LazyBatchNorm1d",
         "LazyBatchNorm2d", "LazyBatchNorm3d"),
        _batch_norm_call,
        _batch_norm_refusal,
    ),
    (
        "instance_norm",
        "input running_mean running_var weight bias use_input_stats momentum eps",
        ("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d",
         "LazyInstanceNorm2d", "LazyInstanceNorm3d"),
        _instance_norm_call,
        _instance_norm_refusal,
    ),
    (
        "layer_norm",
        "input normalized_shape weight bias eps",
        ("LayerNorm",),
        _call,
        _shape_norm_refusal,
    ),
    ("rms_norm", "input normalized_shape weight eps", ("RMSNorm",), _call, _shape_norm_refusal),
    (
        "group_norm",
        "input num_groups weight bias eps",
        ("GroupNorm",),
        _call,
        _group_norm_refusal,
    ),
    (
        "local_response_norm",
        "input size alpha beta k",
        ("LocalResponseNorm", "CrossMapLRN2d"),
        _call,
        _local_response_refusal,
    ),
):  # fmt: skip
    register(
        Op(
            _name,
            _signature,
            weights=WEIGHTS,
            modules=_modules,
            from_call=_read,
            from_module=_module,
            shape_rule=same_shape,
            refusal_rule=_reason,
            free=True,
            pointwise=True,
            saves="input",
            extra_rule=_statistics_bytes,
        )
    )
