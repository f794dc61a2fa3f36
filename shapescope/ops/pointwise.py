"""Ops that work value by value, or keep every shape; activations are in `activation`."""

from __future__ import annotations

from collections.abc import Callable

from shapescope.ops.flow import Flows, dims_of, mixing_flow
from shapescope.ops.registry import Op, read_plain, register
from shapescope.ops.shapes import (
    argument,
    axis,
    axis_refusal,
    index_bytes,
    joint_shape,
    matrix_refusal,
    same_shape,
    shape,
)
from shapescope.trace import Step

KEEP_OUTPUT = frozenset(
    {"relu", "tanh", "sigmoid", "exp", "exp2", "expm1", "sqrt", "rsqrt", "reciprocal", "tan",
     "rrelu", "cumprod", "logcumsumexp", "gumbel_softmax"}
)  # fmt: skip
"""Their gradient is reckoned from the output, so that is what autograd keeps."""

KEEP_NOTHING = frozenset(
    {"neg", "pos", "sign", "sgn", "signbit", "ceil", "floor", "round", "trunc", "frac", "isnan",
     "isinf", "isfinite", "isneginf", "isposinf", "isreal", "logical_not", "bitwise_not", "real",
     "imag", "conj", "conj_physical", "resolve_conj", "resolve_neg", "clone", "contiguous",
     "detach", "data", "alias", "requires_grad", "to", "dequantize", "pin_memory", "fill", "zero",
     "uniform", "bernoulli", "exponential", "random", "cauchy", "log_normal",
     "geometric", "tril", "triu", "argsort", "cumsum", "sort", "cummax", "cummin", "deg2rad",
     "rad2deg", "identity", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
     "feature_dropout", "feature_alpha_dropout", "copy", "isin", "bucketize", "msort",
     "resize_as", "native_dropout", "poisson"}
)  # fmt: skip
"""Their gradient needs none of the values."""

VIEWS = frozenset({"detach", "data", "alias", "requires_grad", "contiguous", "real", "imag"})


def saved_for_backward(name: str) -> str:
    """What autograd keeps of an op that works value by value: see `Op.saves`."""
    return "output" if name in KEEP_OUTPUT else "" if name in KEEP_NOTHING else "input"


UNARY = """
abs neg pos sign sgn signbit exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal sin
cos tan asin acos atan sinh cosh asinh acosh atanh sinc erf erfc erfinv lgamma digamma mvlgamma
polygamma i0 ceil floor round trunc frac logit deg2rad rad2deg nan_to_num isnan isinf isfinite
isneginf isposinf isreal logical_not bitwise_not real imag conj conj_physical resolve_conj
resolve_neg angle i0e i1 i1e erfcx log_ndtr ndtr ndtri entr gammaln psi multigammaln
clone contiguous detach data alias requires_grad to dequantize fake_quantize_per_tensor_affine
quantize_per_tensor quantize_per_channel pin_memory
fake_quantize_per_channel_affine fused_moving_avg_obs_fake_quant
fill zero uniform bernoulli exponential random cauchy log_normal geometric
tril triu sort argsort cumsum cumprod cummax cummin logcumsumexp
normalize gumbel_softmax copy isin bucketize
resize_as weight_norm native_dropout quantize_per_tensor_dynamic poisson
"""
"""Ops that keep the shape of their first input."""

_SIGNATURES = {
    "to": "input dtype",
    "cumsum": "input dim",
    "cumprod": "input dim",
    "cummax": "input dim",
    "cummin": "input dim",
    "logcumsumexp": "input dim",
    "sort": "input dim descending stable",
    "argsort": "input dim descending stable",
    "tril": "input diagonal",
    "triu": "input diagonal",
    "round": "input decimals",
    "normalize": "input p dim eps",
    "gumbel_softmax": "logits tau hard eps dim",
    "fill": "input value",
    "uniform": "input from to",
    "nan_to_num": "input nan posinf neginf",
    "logit": "input eps",
}


def _two(step: Step) -> tuple[tuple[int, ...], ...]:
    return (shape(step),) * 2


def _along_flow(step: Step) -> Flows | None:
    """Every output along `dim` reads the whole axis."""
    return mixing_flow(step, dims_of(argument(step, "dim"), len(shape(step))))


def _softmax_flow(step: Step) -> Flows | None:
    """As `_along_flow`; where no dim is named, torch takes 0 for ranks 0, 1 and 3, 1 for others."""
    rank = len(shape(step))
    dim = argument(step, "dim")
    return mixing_flow(step, dims_of(int(rank not in (0, 1, 3)) if dim is None else dim, rank))


def _unary_refusal(name: str) -> Callable[[Step], str | None] | None:
    if name in ("tril", "triu"):
        return matrix_refusal
    return _dim_refusal if "dim" in _SIGNATURES.get(name, "").split() else None


def _dim_refusal(step: Step) -> str | None:
    return axis_refusal(shape(step), argument(step, "dim"))


for _name in UNARY.split():
    register(
        Op(
            _name,
            _SIGNATURES.get(_name, "input"),
            shape_rule=_two if _name in ("sort", "cummax", "cummin") else same_shape,
            refusal_rule=_unary_refusal(_name),
            flow_rule=_along_flow if "dim" in _SIGNATURES.get(_name, "").split() else None,
            free=True,
            pointwise=True,
            saves=saved_for_backward(_name),
            extra_rule=index_bytes if _name in ("sort", "cummax", "cummin") else None,
            view=_name in VIEWS,
        )
    )

for _name, _modules in (
    ("softmax", ("Softmax",)),
    ("softmin", ("Softmin",)),
    ("log_softmax", ("LogSoftmax",)),
    ("sparsemax", ()),
):
    register(
        Op(
            _name,
            "input dim",
            modules=_modules,
            settings=("dim",),
            shape_rule=same_shape,
            refusal_rule=_dim_refusal,
            flow_rule=_softmax_flow,
            free=True,
            pointwise=True,
            saves="output",
        )
    )
register(
    Op(
        "softmax2d",
        modules=("Softmax2d",),
        from_module=lambda module, bound: read_plain({"dim": -3}),
        saves="output",
        shape_rule=same_shape,
        free=True,
        pointwise=True,
    )
)


def _whole_flow(step: Step) -> Flows | None:
    """A sort reads the first axis whole; a norm reads every axis but the one it is kept along."""
    rank = len(shape(step))
    if step.op == "msort":
        return mixing_flow(step, range(min(rank, 1)))
    kept = axis(argument(step, "dim"), rank)
    return mixing_flow(step, (at for at in range(rank) if at != kept))


for _name, _signature in (("msort", "input"), ("renorm", "input p dim maxnorm")):
    register(
        Op(
            _name,
            _signature,
            shape_rule=same_shape,
            flow_rule=_whole_flow,
            free=True,
            pointwise=True,
            saves=saved_for_backward(_name),
        )
    )


def _normal_shape(step: Step) -> tuple[tuple[int, ...], ...] | None:
    """As it is when written over; else means and deviations broadcast, or the size is named."""
    if argument(step, "inplace", False):
        return same_shape(step)
    return joint_shape(step)


register(Op("normal", "input mean std", shape_rule=_normal_shape, free=True, observed=True))
