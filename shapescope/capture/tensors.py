"""Tensors without values: specs of them, copies of models on meta, and what holds them."""

from __future__ import annotations

import copy
import dataclasses
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from shapescope.capture.functions import copied_functions, point_at_copy
from shapescope.capture.generators import generators_are_cloned
from shapescope.capture.module_tree import modules_of
from shapescope.trace import Shape, TensorSpec

_ATOMIC = frozenset(
    {int, float, bool, str, bytes, type(None), complex, type, torch.dtype, torch.device, torch.Size}
)
"""Types whose values hold no tensor and are copied by sharing them."""

_DTYPE_NAMES: dict[torch.dtype, str] = {}


def dtype_name(dtype: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    name = _DTYPE_NAMES.get(dtype)
    if name is None:
        name = _DTYPE_NAMES[dtype] = str(dtype).removeprefix("torch.")
    return name


def concrete_shape(tensor: Tensor) -> Shape:
    """The sizes as they are; the default way to read a shape."""
    try:
        return tuple(tensor.shape)
    except RuntimeError:
        if not tensor.is_nested:
            raise
        return _ragged_shape(tensor)


def _ragged_shape(tensor: Tensor) -> Shape:
    """The sizes of a nested tensor; an axis along which its parts differ has a name, as `j1`."""
    parts = tensor._nested_tensor_size().tolist()
    axes = [
        sizes[0] if len(set(sizes)) == 1 else f"j{at}"
        for at, sizes in enumerate(zip(*parts, strict=True), 1)
    ]
    return (len(parts), *axes)


def spec_of(
    tensor: Tensor, name: str | None = None, shape_of: Callable[[Tensor], Shape] = concrete_shape
) -> TensorSpec:
    """The shape and dtype of `tensor`; `shape_of` reads sizes that are symbols."""
    if is_lazy(tensor):
        return TensorSpec((), dtype_name(tensor.dtype), name)
    return TensorSpec(shape_of(tensor), dtype_name(tensor.dtype), name)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor inside `value`, in the order of tuples, dicts and dataclass fields.

    Dataclasses, named tuples such as PackedSequence and torch's distributions are looked into;
    None and whatever else is no tensor is left out.
    """
    return iter(tensors_of(value))


def tensors_of(value: Any) -> tuple[Tensor, ...]:
    """The same as a tuple."""
    if isinstance(value, Tensor):
        return (value,)
    found: list[Tensor] = []
    _gather(value, found)
    return tuple(found)


def _gather(value: Any, found: list[Tensor]) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif type(value) in _ATOMIC:
        return
    elif isinstance(value, list | tuple):
        for item in value:
            _gather(item, found)
    elif isinstance(value, Mapping):
        for item in value.values():
            _gather(item, found)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _gather(getattr(value, field.name), found)
    elif isinstance(value, torch.distributions.Distribution):
        for name in value.arg_constraints:
            if name in value.__dict__:
                _gather(value.__dict__[name], found)


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """`value` with every tensor in it replaced by what `function` makes of it."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(function, item) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(map_tensors(function, item) for item in value)
    if isinstance(value, dict):
        mapped = copy.copy(value)
        for key, item in value.items():
            mapped[key] = map_tensors(function, item)
        return mapped
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = copy.copy(value)
        for field in dataclasses.fields(value):
            item = map_tensors(function, getattr(value, field.name))
            object.__setattr__(changed, field.name, item)
        return changed
    return value


def to_meta(tensor: Tensor) -> Tensor:
    """A tensor of the same kind on meta: shape, strides and dtype, no values."""
    if type(tensor) is nn.Parameter and tensor.is_meta:
        return nn.Parameter(tensor, tensor.requires_grad)
    if is_lazy(tensor):
        return _uninitialized(tensor, "meta")
    if tensor.is_meta:
        bare = tensor.detach()
    elif tensor.layout is not torch.strided:
        bare = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    else:
        bare = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(bare, tensor.requires_grad)
    return bare


def _uninitialized(tensor: Any, device: str) -> Tensor:
    empty: Tensor = type(tensor)(
        requires_grad=tensor.requires_grad, device=device, dtype=tensor.dtype
    )
    return empty


class _CopyTensors(TorchFunctionMode):
    """While a deep copy runs, tensors that are no parameters or buffers are copied by `place`."""

    def __init__(self, place: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.place = place

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.__deepcopy__:
            tensor, memo = args
            if id(tensor) not in memo:
                memo[id(tensor)] = self.place(tensor)
            return memo[id(tensor)]
        if func is Tensor.clone:
            # How a parameter that is registered nowhere copies its data.
            return self.place(args[0])
        return func(*args, **(kwargs or {}))


def copy_model(model: nn.Module, place: Callable[[Tensor], Tensor]) -> nn.Module:
    """A deep copy of `model` with every tensor in it, wherever it is kept, copied by `place`.

    What the user owns is only read. Modules, parameters and tensors that are the same object in
    the model are the same object in the copy. A plain attribute that cannot be copied (a lock, an
    open file, a generator) is shared with the original; functions registered as hooks get copies
    of what they close over, so that a hook that collects outputs does not collect ours.
    """
    memo: dict[int, Any] = {}
    modules = modules_of(model)
    if any(isinstance(module, torch.jit.ScriptModule) for module in modules):
        from shapescope.capture.scripts import twins_in

        twins = twins_in(model)
        if id(model) in twins:
            return copy_model(twins[id(model)], place)
        memo.update((key, copy_model(twin, place)) for key, twin in twins.items())
    for tensor in _tensors_of_modules(modules):
        if id(tensor) not in memo:
            memo[id(tensor)] = place(tensor)
    functions = copied_functions(modules, memo)
    copied = _deep_copy(model, modules, memo, place)
    if functions:
        point_at_copy(functions, model, copied)
    return copied


def _tensors_of_modules(modules: Iterable[nn.Module]) -> Iterator[Tensor]:
    """What `parameters` and `buffers` give, in one round instead of two."""
    for module in modules:
        for held in (module._parameters, module._buffers):
            for tensor in held.values():
                if tensor is not None:
                    yield tensor


def _deep_copy(
    model: nn.Module,
    modules: Sequence[nn.Module],
    memo: dict[int, Any],
    place: Callable[[Tensor], Tensor],
) -> nn.Module:
    with _CopyTensors(place), generators_are_cloned():
        try:
            if _copies_plainly(modules):
                return _copied_tree(model, modules, dict(memo))
            return copy.deepcopy(model, dict(memo))
        except (TypeError, RuntimeError, AttributeError, copy.Error):
            _share_uncopyable(model, memo)
            return copy.deepcopy(model, memo)


_HOLDERS = frozenset({dict, OrderedDict, set})
_HELD_BY_ALL = frozenset(nn.Module().__dict__)
"""What every module has, and no two modules share."""

_HOW_TO_COPY = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__copy__")


def _copies_plainly(modules: Iterable[nn.Module]) -> bool:
    """Whether no class in the model says for itself how it is copied."""
    bases = {base for kind in set(map(type, modules)) for base in kind.__mro__}
    return all(
        base.__dict__.keys().isdisjoint(_HOW_TO_COPY) for base in bases - {object, nn.Module}
    )


def _copied_tree(model: nn.Module, modules: Sequence[nn.Module], memo: dict[int, Any]) -> nn.Module:
    """What a deep copy gives, in a fraction of its time: most of a module are plain settings."""
    for module in modules:
        memo[id(module)] = type(module).__new__(type(module))
    for module in modules:
        own = module.__dict__
        made = memo[id(module)].__dict__
        made.update(own)
        made.pop("_compiled_call_impl", None)
        for name, value in made.items():
            kept = type(value)
            if kept in _ATOMIC:
                continue
            if kept in _HOLDERS and name in _HELD_BY_ALL and not value:
                made[name] = kept()  # no hooks, no buffers: most of what is there
            elif kept is not tuple or not _ATOMIC.issuperset(map(type, value)):
                made[name] = _copied(value, memo)
        kind: Any = type(module)
        for slot in _slots(kind):
            try:
                value = slot.__get__(module)
            except AttributeError:  # it was never set
                continue
            slot.__set__(memo[id(module)], _copied(value, memo))
    copied: nn.Module = memo[id(model)]
    return copied


@cache
def _slots(kind: Any) -> tuple[types.MemberDescriptorType, ...]:
    """What a class keeps outside of the `__dict__` of its instances."""
    return tuple(
        entry
        for base in kind.__mro__
        for entry in base.__dict__.values()
        if type(entry) is types.MemberDescriptorType
    )


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    known = memo.get(id(value))
    if known is not None:
        return known
    kind = type(value)
    if kind is dict or kind is OrderedDict:
        # Names, hook ids and the like are keys; they are shared as they are.
        made = memo[id(value)] = kind()
        for key, item in value.items():
            made[key] = item if type(item) in _ATOMIC else _copied(item, memo)
        return made
    if kind in (tuple, list, set) and _ATOMIC.issuperset(map(type, value)):
        memo[id(value)] = made = value if kind is tuple else kind(value)
        return made
    return copy.deepcopy(value, memo)


def meta_copy(model: nn.Module) -> nn.Module:
    """A deep copy of `model` on meta: all of its structure, none of its memory."""
    return copy_model(model, to_meta)


def real_copy(model: nn.Module, seed: int = 0) -> nn.Module:
    """A deep copy of `model` on the CPU with its values; what is on meta gets small random ones."""
    generator = torch.Generator().manual_seed(seed)

    def place(tensor: Tensor) -> Tensor:
        if is_lazy(tensor):
            return _uninitialized(tensor, "cpu")
        if tensor.device.type == "meta":
            bare = torch.zeros(tensor.shape, dtype=tensor.dtype)
            if bare.is_floating_point():
                bare.normal_(std=0.02, generator=generator)
        else:
            bare = tensor.detach().to("cpu", copy=True)
        if isinstance(tensor, nn.Parameter):
            return nn.Parameter(bare, tensor.requires_grad)
        return bare

    return copy_model(model, place)


def _share_uncopyable(model: nn.Module, memo: dict[int, Any]) -> None:
    """Seed `memo` so that attributes a deep copy stumbles over are shared instead."""
    own = {"_parameters", "_buffers", "_modules"}
    for module in model.modules():
        for name, value in module.__dict__.items():
            if name in own or isinstance(value, nn.Module | Tensor):
                continue
            try:
                copy.deepcopy(value, dict(memo))
            except Exception:  # noqa: BLE001  # any class of the user's may refuse in its own way
                memo[id(value)] = value
