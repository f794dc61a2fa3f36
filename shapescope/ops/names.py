"""The name of an op, out of those under which torch offers it."""

from __future__ import annotations

import re

REVERSIBLE = frozenset(
    {
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
        "lshift", "rshift", "div",
    }
)  # fmt: skip
"""Operators that also come as `__rX__` and `__iX__`."""

RENAMED = {
    "truediv": "div",
    "true_divide": "div",
    "divide": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "invert": "bitwise_not",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
    "multiply": "mul",
    "subtract": "sub",
    "rsub": "sub",
    "negative": "neg",
    "positive": "pos",
    "absolute": "abs",
    "clip": "clamp",
    "fix": "trunc",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "not_equal": "ne",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "arccosh": "acosh",
    "arcsinh": "asinh",
    "arctanh": "atanh",
    "concat": "cat",
    "concatenate": "cat",
    "swapaxes": "transpose",
    "swapdims": "transpose",
    "t": "transpose",
    "T": "transpose",
    "mT": "transpose",
    "H": "transpose",
    "mH": "transpose",
    "adjoint": "transpose",
    "moveaxis": "movedim",
    "ravel": "flatten",
    "row_stack": "vstack",
    "linalg_matmul": "matmul",
    "linalg_norm": "norm",
    "linalg_vector_norm": "norm",
    "vector_norm": "norm",
    "linalg_multi_dot": "multi_dot",
    "linalg_vecdot": "vecdot",
    "ger": "outer",
    "log_sigmoid": "logsigmoid",
    "linalg_diagonal": "diagonal",
    "expit": "sigmoid",
    "upsample": "interpolate",
    "upsample_nearest": "interpolate",
    "upsample_bilinear": "interpolate",
    "multi_head_attention_forward": "multi_head_attention",
    "float": "to",
    "double": "to",
    "half": "to",
    "bfloat16": "to",
    "long": "to",
    "int": "to",
    "short": "to",
    "char": "to",
    "byte": "to",
    "bool": "to",
    "cfloat": "to",
    "type": "to",
    "type_as": "to",
    "cpu": "to",
    "cuda": "to",
    "rnn_tanh": "rnn",
    "rnn_relu": "rnn",
    "rnn_tanh_cell": "rnn_cell",
    "rnn_relu_cell": "rnn_cell",
    "grid_sampler": "grid_sample",
    "affine_grid_generator": "affine_grid",
}
"""Torch's other names, without underscores, and the op that they do."""


def canonical_name(name: str) -> str:
    """The op that a function of torch does: `__radd__` and `add_` are `add`."""
    known = _CANONICAL.get(name)
    if known is None:
        known = _CANONICAL[name] = _canonical(name)
    return known


def is_inplace(name: str) -> bool:
    """Whether torch's function of this name writes into its first argument."""
    if name.startswith("__"):
        return name == "__setitem__" or (name[2:3] == "i" and name[3:-2] in REVERSIBLE)
    return name.endswith("_")


_CANONICAL: dict[str, str] = {}


def _canonical(name: str) -> str:
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name[:1] in ("r", "i") and name[1:] in REVERSIBLE:
            name = name[1:]
    else:
        name = name.strip("_")
    name = name.split(".")[0].removesuffix("_with_indices").removeprefix("special_")
    return RENAMED.get(name, name)


def snake_case(class_name: str) -> str:
    """`TripletMarginLoss` as `triplet_margin_loss`."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name)
    return text.lower()
