"""What TorchScript's operators do with plain values: numbers, lists, dicts, strings, None.

Calls on tensors go to torch itself; only what torch does not offer to Python is done here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from torch import Tensor

__all__ = ["ALWAYS", "PLAIN", "holds_tensors"]


def holds_tensors(value: Any) -> bool:
    """Whether an argument is a tensor, or a list of them."""
    if isinstance(value, list | tuple):
        return any(isinstance(item, Tensor) for item in value)
    return isinstance(value, Tensor)


def _set_item(container: Any, key: Any, value: Any) -> Any:
    container[key] = value
    return container


def _append(items: list[Any], item: Any) -> list[Any]:
    items.append(item)
    return items


def _extend(items: list[Any], more: Any) -> None:
    items.extend(more)


def _insert(items: list[Any], at: int, item: Any) -> None:
    items.insert(at, item)


def _delete(container: Any, key: Any) -> None:
    del container[key]


def _slice(value: Any, start: Any = None, end: Any = None, step: int = 1) -> Any:
    return value[slice(start, end, step)]


def _format(text: str, *values: Any) -> str:
    return text.format(*values)


def _size(tensor: Tensor, axis: int | None = None) -> Any:
    return list(tensor.size()) if axis is None else tensor.size(axis)


def _get(mapping: dict[Any, Any], key: Any, default: Any = None) -> Any:
    return mapping.get(key, default)


def _number(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: value.item() if isinstance(value, Tensor) else kind(value)


def _truth(value: Any) -> bool:
    return bool(value)


def _nothing(*_: Any) -> None:
    return None


def _same(value: Any, *_: Any) -> Any:
    return value


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: choose(values[0]) if len(values) == 1 else choose(values)


def _round(value: Any) -> float:
    return float(round(value))


def _divide(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode == "floor":
        return a // b
    return math.trunc(a / b) if rounding_mode == "trunc" else a / b


def _add(a: Any, b: Any, alpha: Any = 1) -> Any:
    return a + b if alpha == 1 else a + alpha * b


def _subtract(a: Any, b: Any, alpha: Any = 1) -> Any:
    return a - alpha * b


ALWAYS: dict[str, Callable[..., Any]] = {
    "aten::size": _size,
    "aten::dim": Tensor.dim,
    "aten::numel": Tensor.numel,
    "aten::len": len,
    "aten::__getitem__": operator.getitem,
    "aten::_set_item": _set_item,
    "aten::append": _append,
    "aten::extend": _extend,
    "aten::insert": _insert,
    "aten::pop": lambda container, *key: container.pop(*key),
    "aten::clear": lambda container: container.clear(),
    "aten::reverse": lambda items: items.reverse(),
    "aten::Delete": _delete,
    "aten::keys": lambda mapping: list(mapping.keys()),
    "aten::values": lambda mapping: list(mapping.values()),
    "aten::items": lambda mapping: list(mapping.items()),
    "aten::get": _get,
    "aten::update": lambda mapping, other: mapping.update(other),
    "aten::__contains__": operator.contains,
    "aten::__is__": lambda a, b: a is b,
    "aten::__isnot__": lambda a, b: a is not b,
    "aten::__not__": operator.not_,
    "aten::list": list,
    "aten::dict": dict,
    "aten::str": str,
    "aten::format": _format,
    "aten::percentFormat": lambda text, *values: text % values,
    "aten::warn": _nothing,
    "aten::Int": _number(int),
    "aten::IntImplicit": _number(int),
    "aten::Float": _number(float),
    "aten::FloatImplicit": _number(float),
    "aten::ScalarImplicit": _number(_same),
    "aten::Bool": _truth,
    "aten::is_floating_point": Tensor.is_floating_point,
    "aten::is_complex": Tensor.is_complex,
    "aten::is_contiguous": Tensor.is_contiguous,
    "aten::join": lambda separator, items: separator.join(items),
    "aten::startswith": lambda text, start, *_: text.startswith(start),
    "aten::endswith": lambda text, end, *_: text.endswith(end),
    "prim::unchecked_cast": _same,
    "prim::unchecked_unwrap_optional": _same,
    "aten::_unwrap_optional": _same,
    "prim::NumToTensor": _same,
    "prim::dtype": lambda tensor: tensor.dtype,
    "prim::device": lambda tensor: tensor.device,
    "prim::layout": lambda tensor: tensor.layout,
    "prim::is_cuda": lambda tensor: tensor.is_cuda,
    "prim::is_cpu": lambda tensor: tensor.device.type == "cpu",
    "prim::is_meta": lambda tensor: tensor.is_meta,
    "prim::is_sparse": lambda tensor: tensor.is_sparse,
    "prim::is_nested": lambda tensor: tensor.is_nested,
    "prim::is_quantized": lambda tensor: tensor.is_quantized,
    "prim::requires_grad": lambda tensor: tensor.requires_grad,
    "prim::shape": lambda tensor: list(tensor.shape),
    "prim::itemsize": lambda tensor: tensor.element_size(),
    "prim::data": lambda tensor: tensor.data,
    "prim::min": _extreme(min),
    "prim::max": _extreme(max),
    "prim::abs": abs,
    "prim::Print": _nothing,
    "prim::rangelist": lambda end: list(range(end)),
    "prim::Uninitialized": _nothing,
    "prim::ListConstruct": lambda *items: list(items),
    "prim::TupleConstruct": lambda *items: tuple(items),
    "prim::DictConstruct": lambda *pairs: dict(zip(pairs[::2], pairs[1::2], strict=True)),
    "prim::TupleIndex": operator.getitem,
}
"""What is done here whatever the arguments are."""

PLAIN: dict[str, Callable[..., Any]] = {
    "aten::add": _add,
    "aten::add_": operator.iadd,
    "aten::sub": _subtract,
    "aten::rsub": lambda a, b, alpha=1: b - alpha * a,
    "aten::mul": operator.mul,
    "aten::div": _divide,
    "aten::floordiv": operator.floordiv,
    "aten::floor_divide": operator.floordiv,
    "aten::remainder": operator.mod,
    "aten::fmod": math.fmod,
    "aten::neg": operator.neg,
    "aten::pow": operator.pow,
    "aten::sqrt": math.sqrt,
    "aten::log": math.log,
    "aten::log2": math.log2,
    "aten::exp": math.exp,
    "aten::ceil": math.ceil,
    "aten::floor": math.floor,
    "aten::round": _round,
    "aten::abs": abs,
    "aten::eq": operator.eq,
    "aten::ne": operator.ne,
    "aten::lt": operator.lt,
    "aten::le": operator.le,
    "aten::gt": operator.gt,
    "aten::ge": operator.ge,
    "aten::__and__": operator.and_,
    "aten::__or__": operator.or_,
    "aten::__xor__": operator.xor,
    "aten::slice": _slice,
    "aten::copy": lambda items: items.copy(),
    "aten::index": lambda items, item: items.index(item),
    "aten::count": lambda items, item: items.count(item),
    "aten::sum": sum,
    "aten::min": min,
    "aten::max": max,
    "aten::to": _same,
    "aten::detach": _same,
}
"""What is done here where no argument is a tensor."""
