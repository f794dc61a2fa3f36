"""Activations and dropouts."""

from __future__ import annotations

from math import prod

from shapescope.ops.flow import picked
from shapescope.ops.pointwise import saved_for_backward
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    argument,
    axis,
    axis_refusal,
    same_shape,
    shape,
    text,
)
from shapescope.trace import Step

ACTIVATIONS = (
    # name, signature, modules, settings of the modules
    ("relu", "input inplace", ("ReLU",), "inplace"),
    ("relu6", "input inplace", ("ReLU6",), "inplace"),
    ("leaky_relu", "input negative_slope inplace", ("LeakyReLU",), "negative_slope inplace"),
    ("prelu", "input weight", ("PReLU",), "num_parameters"),
    ("rrelu", "input lower upper training inplace", ("RReLU",), "lower upper training inplace"),
    ("elu", "input alpha inplace", ("ELU",), "alpha inplace"),
    ("selu", "input inplace", ("SELU",), "inplace"),
    ("celu", "input alpha inplace", ("CELU",), "alpha inplace"),
    ("gelu", "input approximate", ("GELU",), "approximate"),
    ("silu", "input inplace", ("SiLU",), "inplace"),
    ("mish", "input inplace", ("Mish",), "inplace"),
    ("hardswish", "input inplace", ("Hardswish",), "inplace"),
    ("hardsigmoid", "input inplace", ("Hardsigmoid",), "inplace"),
    ("hardtanh", "input min_val max_val inplace", ("Hardtanh",), "min_val max_val inplace"),
    ("hardshrink", "input lambd", ("Hardshrink",), "lambd"),
    ("softshrink", "input lambd", ("Softshrink",), "lambd"),
    ("tanhshrink", "input", ("Tanhshrink",), ""),
    ("softplus", "input beta threshold", ("Softplus",), "beta threshold"),
    ("softsign", "input", ("Softsign",), ""),
    ("logsigmoid", "input", ("LogSigmoid",), ""),
    ("threshold", "input threshold value inplace", ("Threshold",), "threshold value inplace"),
    ("tanh", "input", ("Tanh",), ""),
    ("sigmoid", "input", ("Sigmoid",), ""),
    ("dropout", "input p training inplace", ("Dropout",), "p training inplace"),
    ("dropout1d", "input p training inplace", ("Dropout1d",), "p training inplace"),
    ("dropout2d", "input p training inplace", ("Dropout2d",), "p training inplace"),
    ("dropout3d", "input p training inplace", ("Dropout3d",), "p training inplace"),
    ("alpha_dropout", "input p training inplace", ("AlphaDropout",), "p training inplace"),
    ("feature_dropout", "input p training", (), ""),
    (
        "feature_alpha_dropout",
        "input p training inplace",
        ("FeatureAlphaDropout",),
        "p training inplace",
    ),
    ("identity", "input", ("Identity",), ""),
)


def drops(step: Step) -> bool:
    """Whether a dropout does anything: it is in train mode and its p is not 0."""
    return bool(argument(step, "training", True)) and argument(step, "p", 0.5) != 0


def _mask_bytes(step: Step) -> int:
    """Bytes of the mask of a dropout, in the input's own dtype; one number a channel in some."""
    if not drops(step):
        return 0
    sizes = shape(step)
    return 4 * prod(sizes if step.op in ("dropout", "alpha_dropout") else sizes[:2])


def _copy_bytes(step: Step) -> int:
    """Bytes of the input's copy that is kept where the op writes over it."""
    return 4 * prod(shape(step)) if argument(step, "inplace", False) else 0


def _prelu_refusal(step: Step) -> str | None:
    """One slope for all values, or one for each channel."""
    slopes = prod(shape(step, 1)) if len(step.inputs) > 1 else argument(step, "num_parameters", 1)
    sizes = shape(step)
    channels = sizes[1] if len(sizes) > 1 else 1
    if slopes not in (1, channels):
        return f"there are {slopes} slopes, but {channels} channels in {text(sizes)}"
    return None


_EXTRA = {
    **dict.fromkeys(
        ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
         "feature_alpha_dropout"), _mask_bytes),
    **dict.fromkeys(("silu", "mish", "hardswish", "hardsigmoid", "hardtanh", "relu6"), _copy_bytes),
    "logsigmoid": lambda step: 4 * prod(shape(step)),
}  # fmt: skip

for _name, _signature, _modules, _settings in ACTIVATIONS:
    register(
        Op(
            _name,
            _signature,
            weights=("weight",) if _name == "prelu" else (),
            modules=_modules,
            settings=tuple(_settings.split()),
            shape_rule=same_shape,
            refusal_rule=_prelu_refusal if _name == "prelu" else None,
            free=True,
            pointwise=True,
            saves=saved_for_backward(_name),
            extra_rule=_EXTRA.get(_name),
            view=_name == "identity",
        )
    )


def _glu_shape(step: Step) -> tuple[tuple[int, ...], ...] | None:
    sizes, dim = shape(step), argument(step, "dim", -1)
    if _glu_refusal(step) is not None:
        return None
    at = dim % len(sizes)
    return ((*sizes[:at], sizes[at] // 2, *sizes[at + 1 :]),)


def _glu_refusal(step: Step) -> str | None:
    sizes, dim = shape(step), argument(step, "dim", -1)
    if not sizes:
        return "a tensor without axes cannot be halved"
    reason = axis_refusal(sizes, dim)
    if reason is None and sizes[dim] % 2:
        return f"axis {dim % len(sizes)} is {sizes[dim]}, which cannot be halved"
    return reason


def _glu_axes(step: Step) -> list[int | None]:
    rank = len(shape(step))
    halved = axis(argument(step, "dim", -1), rank)
    return [None if at == halved else at for at in range(rank)]


register(
    Op(
        "glu",
        "input dim",
        modules=("GLU",),
        settings=("dim",),
        shape_rule=_glu_shape,
        refusal_rule=_glu_refusal,
        flow_rule=lambda step: (picked(_glu_axes(step)),),
        free=True,
        saves="input",
    )
)
