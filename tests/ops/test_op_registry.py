"""Names, rows and the binding of arguments."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from shapescope.attrs import CallAttrs
from shapescope.ops import (
    Op,
    canonical_name,
    is_inplace,
    lookup,
    op_of_module,
    register,
    registered,
    snake_case,
)
from shapescope.ops.names import RENAMED
from shapescope.ops.values import NOT_PLAIN, index_items, per_axis, plain


@pytest.mark.parametrize(
    ("name", "op"),
    [
        ("conv2d", "conv2d"),
        ("__add__", "add"),
        ("__radd__", "add"),
        ("__iadd__", "add"),
        ("add_", "add"),
        ("__rsub__", "sub"),
        ("rsub", "sub"),
        ("true_divide", "div"),
        ("__rtruediv__", "div"),
        ("__floordiv__", "floor_divide"),
        ("__matmul__", "matmul"),
        ("__and__", "bitwise_and"),
        ("__ior__", "bitwise_or"),
        ("__invert__", "bitwise_not"),
        ("__getitem__", "getitem"),
        ("__setitem__", "setitem"),
        ("__eq__", "eq"),
        ("max_pool2d_with_indices", "max_pool2d"),
        ("adaptive_max_pool1d_with_indices", "adaptive_max_pool1d"),
        ("scaled_dot_product_attention", "scaled_dot_product_attention"),
        ("multi_head_attention_forward", "multi_head_attention"),
        ("T", "transpose"),
        ("mT", "transpose"),
        ("t", "transpose"),
        ("swapaxes", "transpose"),
        ("concat", "cat"),
        ("upsample", "interpolate"),
        ("relu_", "relu"),
        ("relu.default", "relu"),
        ("_softmax", "softmax"),
        ("linalg_vector_norm", "norm"),
        ("special_expit", "sigmoid"),
        ("special_xlogy", "xlogy"),
        ("log_sigmoid", "logsigmoid"),
        ("float", "to"),
        ("ravel", "flatten"),
        ("my_function", "my_function"),
    ],
)
def test_canonical_name(name: str, op: str) -> None:
    assert canonical_name(name) == op


@pytest.mark.parametrize("name", ["add_", "__iadd__", "relu_", "__setitem__", "copy_", "__ior__"])
def test_writes_in_place(name: str) -> None:
    assert is_inplace(name)


@pytest.mark.parametrize("name", ["add", "__add__", "__invert__", "__getitem__", "__radd__"])
def test_writes_nothing_in_place(name: str) -> None:
    assert not is_inplace(name)


def test_a_renamed_op_is_one_that_is_there() -> None:
    assert not set(RENAMED.values()) - {row.name for row in registered()}


def test_a_function_of_torch_has_a_row_under_the_name_it_reports() -> None:
    import torch
    import torch.nn.functional as functional

    rows = {row.name for row in registered()}
    lost = {
        (name, function.__name__)
        for place in (functional, torch, torch.Tensor)
        for name, function in vars(place).items()
        if callable(function) and hasattr(function, "__name__") and not name.startswith("_")
        if canonical_name(name) in rows and canonical_name(function.__name__) not in rows
    }
    assert not lost


def test_names_are_taken_once() -> None:
    with pytest.raises(ValueError, match="op conv2d is registered twice"):
        register(Op("conv2d"))
    with pytest.raises(ValueError, match="ReLU is relu already, not my_relu"):
        register(Op("my_relu", modules=("ReLU",)))
    assert "my_relu" not in {row.name for row in registered()}


def test_every_row_has_one_say_on_its_cost() -> None:
    names = [row.name for row in registered()]
    assert len(names) == len(set(names))
    for row in registered():
        assert not (row.windowed and row.shape_rule is None), row.name
        assert not (row.pointwise and row.changes_axes), row.name


def test_every_windowed_row_has_formula_and_refusal() -> None:
    rows = [row for row in registered() if row.windowed and row.name != "deform_conv2d"]
    assert len(rows) == 3 * (2 + 3 + 2 + 1) + 2 + 3
    for row in rows:
        assert row.formula_rule is not None, row.name
        assert row.refusal_rule is not None, row.name


def test_an_unknown_op_gets_a_row_without_rules() -> None:
    row = lookup("my_own_kernel")
    assert row is lookup("my_own_kernel")
    assert (row.shape_rule, row.free, row.windowed) == (None, False, False)
    assert row.read_call(row.bind((2,), {"scale": 0.5})) == CallAttrs(
        (("input", 2), ("scale", 0.5))
    )


class Special(nn.Conv2d):
    pass


class Own(nn.Module):
    pass


def test_op_of_a_module_class() -> None:
    assert op_of_module(nn.Conv2d) == "conv2d"
    assert op_of_module(Special) == "conv2d"
    assert op_of_module(Own) == "own"
    assert op_of_module(cls.__name__ for cls in nn.LSTM.__mro__) == "lstm"


def test_snake_case() -> None:
    assert snake_case("TripletMarginLoss") == "triplet_margin_loss"
    assert snake_case("RMSNorm") == "rms_norm"
    assert snake_case("Conv2d") == "conv2d"


@pytest.mark.parametrize(
    ("op", "args", "kwargs", "bound"),
    [
        ("conv2d", (1, 2), {"stride": 3}, {"input": 1, "weight": 2, "stride": 3}),
        ("reshape", ("x", 2, 3), {}, {"input": "x", "shape": (2, 3)}),
        ("reshape", ("x", (2, 3)), {}, {"input": "x", "shape": (2, 3)}),
        ("reshape", ("x",), {"shape": (2, 3)}, {"input": "x", "shape": (2, 3)}),
        ("permute", ("x", [1, 0]), {}, {"input": "x", "dims": [1, 0]}),
        ("sum", ("x",), {"axis": 1, "keepdims": True}, {"input": "x", "dim": 1, "keepdim": True}),
        ("cat", (("x", "y"), 1), {}, {"tensors": ("x", "y"), "dim": 1}),
        ("relu", ("x", True, 5), {}, {"input": "x", "inplace": True, "arg2": 5}),
        ("einsum", ("i->", "x"), {}, {"equation": "i->", "operands": ("x",)}),
        ("zeros", (2, 3), {}, {"size": (2, 3)}),
    ],
)
def test_bind(op: str, args: tuple[Any, ...], kwargs: dict[str, Any], bound: Any) -> None:
    assert lookup(op).bind(args, kwargs) == bound


def test_plain_values() -> None:
    import torch

    assert plain([1, (2.5, None), "a"]) == (1, (2.5, None), "a")
    assert plain(torch.Size([2, 3])) == (2, 3)
    assert plain(torch.float16) == "float16"
    assert plain(slice(1, -1)) == "1:-1"
    assert plain(slice(None, None, 2)) == "::2"
    assert plain(slice(torch.tensor(1), None)) == "?:"
    assert plain(...) == "..."
    assert plain(torch.ones(1)) is NOT_PLAIN
    assert plain([1, torch.ones(1)]) is NOT_PLAIN
    assert plain(print) is NOT_PLAIN


def test_an_index_as_it_is_written() -> None:
    import torch

    assert index_items((..., None, 0, slice(2), [0, 1])) == ("...", None, 0, ":2", (0, 1))
    assert index_items(torch.ones(2, dtype=torch.int64)) == ("tensor",)
    assert index_items(torch.ones(2, dtype=torch.bool)) == ("mask",)


def test_one_value_for_each_axis() -> None:
    assert per_axis(3, 2) == (3, 3)
    assert per_axis((3,), 2) == (3, 3)
    assert per_axis([3, 4], 2) == (3, 4)
    assert per_axis(None, 2) == (None, None)


def test_only_plain_arguments_are_kept() -> None:
    row = lookup("clamp")
    assert row.read_call({"input": object(), "min": 0, "max": None}) == CallAttrs((("min", 0),))
