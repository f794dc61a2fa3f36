"""Ops that work value by value: activations, dropout, and what keeps every shape."""

from __future__ import annotations

from math import prod

from shapescope.ops.flow import Flows, dims_of, mixing_flow, picked
from shapescope.ops.registry import Op, read_plain, register
from shapescope.ops.shapes import (
    argument,
    axis,
    axis_refusal,
    broadcast,
    index_bytes,
    same_shape,
    shape,
    shapes,
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


def _saves(name: str) -> str:
    return "output" if name in KEEP_OUTPUT else "" if name in KEEP_NOTHING else "input"


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
            free=True,
            pointwise=True,
            saves=_saves(_name),
            extra_rule=_EXTRA.get(_name),
            view=_name == "identity",
        )
    )

UNARY = """
abs neg pos sign sgn signbit exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal sin
cos tan asin acos atan sinh cosh asinh acosh atanh sinc erf erfc erfinv lgamma digamma mvlgamma
polygamma i0 ceil floor round trunc frac logit deg2rad rad2deg nan_to_num isnan isinf isfinite
isneginf isposinf isreal logical_not bitwise_not real imag conj conj_physical resolve_conj
resolve_neg angle i0e i1 i1e erfcx log_ndtr ndtr ndtri entr gammaln psi multigammaln
clone contiguous detach data alias requires_grad to dequantize fake_quantize_per_tensor_affine
quantize_per_tensor quantize_per_channel pin_memory
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


def _dim_refusal(step: Step) -> str | None:
    return axis_refusal(shape(step), argument(step, "dim"))


for _name in UNARY.split():
    register(
        Op(
            _name,
            _SIGNATURES.get(_name, "input"),
            shape_rule=_two if _name in ("sort", "cummax", "cummin") else same_shape,
            refusal_rule=_dim_refusal if "dim" in _SIGNATURES.get(_name, "").split() else None,
            flow_rule=_along_flow if "dim" in _SIGNATURES.get(_name, "").split() else None,
            free=True,
            pointwise=True,
            saves=_saves(_name),
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
            saves=_saves(_name),
        )
    )


def _normal_shape(step: Step) -> tuple[tuple[int, ...], ...] | None:
    """As it is when written over; else means and deviations broadcast, or the size is named."""
    if argument(step, "inplace", False):
        return same_shape(step)
    made = broadcast(*shapes(step))
    return None if made is None else (made,)


register(Op("normal", "input mean std", shape_rule=_normal_shape, free=True, observed=True))


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
