"""The functions that people call, for operators that only torch's own code calls.

A graph of TorchScript or of torch.export holds `aten::embedding(weight, indices)` where the model
had `F.embedding(input, weight)`. Called as people call them, they are the steps that people know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["made_public", "public_function"]

_REDUCTIONS = ("none", "mean", "sum")
_MODES = {
    "upsample_nearest": "nearest",
    "_upsample_nearest_exact": "nearest-exact",
    "upsample_linear": "linear",
    "upsample_bilinear": "bilinear",
    "upsample_bicubic": "bicubic",
    "upsample_trilinear": "trilinear",
}


def _embedding(given: dict[str, Any]) -> Any:
    padding = given.get("padding_idx", -1)
    return F.embedding(given["indices"], given["weight"], None if padding < 0 else padding)


def _convolution(given: dict[str, Any]) -> Any:
    rank = len(given["stride"])
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    stride, padding, dilation = given["stride"], given["padding"], given["dilation"]
    if given["transposed"]:
        function = getattr(F, f"conv_transpose{rank}d")
        more = given["output_padding"], given["groups"], dilation
        return function(x, weight, bias, stride, padding, *more)
    function = getattr(F, f"conv{rank}d")
    return function(x, weight, bias, stride, padding, dilation, given["groups"])


def _index(given: dict[str, Any]) -> Any:
    return given["self"][tuple(slice(None) if at is None else at for at in given["indices"])]


def _slice(given: dict[str, Any]) -> Any:
    bounds = slice(given.get("start"), given.get("end"), given.get("step", 1))
    return given["self"][(*[slice(None)] * given.get("dim", 0), bounds)]


def _cross_entropy(given: dict[str, Any]) -> Any:
    return F.cross_entropy(
        given["self"],
        given["target"],
        given.get("weight"),
        ignore_index=given.get("ignore_index", -100),
        reduction=_REDUCTIONS[given.get("reduction", 1)],
        label_smoothing=given.get("label_smoothing", 0.0),
    )


def _unfold(given: dict[str, Any]) -> Any:
    names = ("kernel_size", "dilation", "padding", "stride")
    return F.unfold(given["self"], *(given[name] for name in names))


def _fold(given: dict[str, Any]) -> Any:
    names = ("output_size", "kernel_size", "dilation", "padding", "stride")
    return F.fold(given["self"], *(given[name] for name in names))


def _stft(given: dict[str, Any]) -> Any:
    names = ("hop_length", "win_length", "window", "normalized", "onesided", "return_complex")
    more = {name: given[name] for name in names if name in given}
    return torch.stft(given["self"], given["n_fft"], center=False, **more)


def _layer_norm(given: dict[str, Any]) -> Any:
    names = ("normalized_shape", "weight", "bias", "eps")
    return F.layer_norm(given["input"], *(given[name] for name in names))


def _group_norm(given: dict[str, Any]) -> Any:
    names = ("group", "weight", "bias", "eps")
    return F.group_norm(given["input"], *(given[name] for name in names))


def _batch_norm(given: dict[str, Any]) -> Any:
    names = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    return F.batch_norm(given["input"], *(given.get(name, False) for name in names))


def _resized(mode: str) -> Callable[[dict[str, Any]], Any]:
    def resize(given: dict[str, Any]) -> Any:
        x = given.get("input", given.get("self"))
        size, factors = given.get("output_size"), given.get("scale_factors")
        corners = {"align_corners": given["align_corners"]} if "align_corners" in given else {}
        chosen = {"scale_factor": factors} if size is None else {"size": size}
        return F.interpolate(x, mode=mode, **chosen, **corners)  # type: ignore[arg-type]

    return resize


_FUNCTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "aten::embedding": _embedding,
    "aten::convolution": _convolution,
    "aten::_convolution": _convolution,
    "aten::index": _index,
    "aten::slice": _slice,
    "aten::cross_entropy_loss": _cross_entropy,
    "aten::im2col": _unfold,
    "aten::col2im": _fold,
    "aten::stft": _stft,
    "aten::_to_copy": lambda given: given["self"].to(given.get("dtype"), copy=True),
    "aten::lift_fresh": lambda given: given["self"],
    "aten::lift_fresh_copy": lambda given: given["self"].clone(),
    **{
        f"aten::{name}{rank}d": _resized(mode)
        for name, mode in _MODES.items()
        for rank in (1, 2, 3)
    },
}

_FIRST: dict[str, Callable[[dict[str, Any]], Any]] = {
    "aten::native_layer_norm": _layer_norm,
    "aten::native_group_norm": _group_norm,
    "aten::native_batch_norm": _batch_norm,
    "aten::_native_batch_norm_legit": _batch_norm,
    "aten::_native_batch_norm_legit_no_training": _batch_norm,
}
"""Operators that give more than what people know: statistics for the derivative."""


def public_function(schema: Any) -> Callable[..., Any] | None:
    """A function that takes what the operator of a schema takes, and calls what people call.

    Returns:
        None where the operator is called as people call it.
    """
    first = _FIRST.get(schema.name)
    function = first or _FUNCTIONS.get(schema.name)
    if function is None:
        return None
    names = [argument.name for argument in schema.arguments]
    tensor = schema.arguments[0].type.kind() == "TensorType"

    def call(*args: Any, **kwargs: Any) -> Any:
        made = function(dict(zip(names, args, strict=False)) | kwargs)
        return (made, *_rest(schema, args, kwargs)) if first else made

    call.__name__ = call.__qualname__ = schema.name.partition("::")[2]
    return call if tensor else None


def _rest(schema: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """All but the first of what an operator gives."""
    space, _, name = schema.name.partition("::")
    operator = getattr(getattr(getattr(torch.ops, space), name), schema.overload_name or "default")
    with torch._C.DisableTorchFunction():
        return operator(*args, **kwargs)[1:]


def made_public(module: nn.Module) -> nn.Module:
    """The same graph module, calling what people call.

    An archive keeps a weight that has two names under both: here it is one again.
    """
    for part in module.modules():
        if isinstance(part, torch.fx.GraphModule):
            _replace_targets(part)
    known: dict[Any, Any] = {}
    for part in module.modules():
        kept: tuple[dict[str, Any], ...] = (part._parameters, part._buffers)
        for held in kept:
            for name, tensor in held.items():
                if tensor is not None and tensor.numel():
                    held[name] = known.setdefault(_place(tensor), tensor)
    return module


def _replace_targets(graph_module: torch.fx.GraphModule) -> None:
    replaced = False
    for node in graph_module.graph.nodes:
        if node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload):
            function = public_function(node.target._schema)
            if function is not None:
                node.target = function
                replaced = True
    if replaced:
        graph_module.recompile()


def _place(tensor: Tensor) -> tuple[Any, ...]:
    """Where a tensor lies in memory, and how: two that are alike in it are one."""
    if tensor.layout is not torch.strided:
        return (id(tensor),)
    where = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
    return (*where, tuple(tensor.shape), tensor.stride(), tensor.dtype, type(tensor))
