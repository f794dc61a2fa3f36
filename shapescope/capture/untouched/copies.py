"""Copies of models: on meta without their memory, on the CPU with their values."""

from __future__ import annotations

import copy
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from shapescope.capture.module_tree import Attributes, modules_of, own_attributes
from shapescope.capture.tensors import ATOMIC, to_meta, uninitialized_like
from shapescope.capture.untouched.functions import copied_functions, point_at_copy
from shapescope.capture.untouched.generators import generators_are_cloned

__all__ = ["copy_model", "meta_copy", "real_copy"]


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
    settings = [own_attributes(module) for module in modules]
    functions = copied_functions(modules, settings, memo)
    copied = _deep_copy(model, modules, settings, memo, place)
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
    settings: Sequence[Attributes],
    memo: dict[int, Any],
    place: Callable[[Tensor], Tensor],
) -> nn.Module:
    with _CopyTensors(place), generators_are_cloned():
        try:
            if _copies_plainly(modules):
                return _copied_tree(model, modules, settings, dict(memo))
            return copy.deepcopy(model, dict(memo))
        except (TypeError, RuntimeError, AttributeError, copy.Error):
            _share_uncopyable(model, memo)
            return copy.deepcopy(model, memo)


_CONTAINERS: tuple[tuple[str, Any], ...] = tuple(
    (name, type(value))
    for name, value in nn.Module().__dict__.items()
    if isinstance(value, dict | set)
)
"""What every module has that holds others: parameters, children, hooks."""

_ABOUT_STATES = tuple(name for name, _ in _CONTAINERS if "state_dict" in name)
"""The hooks of saving and loading, which no pass asks for."""

_HOW_TO_COPY = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__copy__")


def _copies_plainly(modules: Iterable[nn.Module]) -> bool:
    """Whether no class in the model says for itself how it is copied."""
    bases = {base for kind in set(map(type, modules)) for base in kind.__mro__}
    return all(
        base.__dict__.keys().isdisjoint(_HOW_TO_COPY) for base in bases - {object, nn.Module}
    )


def _copied_tree(
    model: nn.Module,
    modules: Sequence[nn.Module],
    settings: Sequence[Attributes],
    memo: dict[int, Any],
) -> nn.Module:
    """What a deep copy gives, in a fraction of its time: most of a module are plain settings."""
    # Empty ones are most of what a copy of a large model takes; those of states are one for all.
    empty: dict[str, Any] = {name: OrderedDict() for name in _ABOUT_STATES}
    for module in modules:
        memo[id(module)] = type(module).__new__(type(module))
    for module, attributes in zip(modules, settings, strict=True):
        own = module.__dict__
        made = memo[id(module)].__dict__
        made.update(own)
        made.pop("_compiled_call_impl", None)
        for name, holder in _CONTAINERS:
            value: Any = own.get(name)
            if not value and type(value) is holder:
                made[name] = empty[name] if name in empty else holder()
            elif value is not None:
                made[name] = _copied(value, memo)
        for name, value in attributes:
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
            known = memo.get(id(item))
            if known is None:
                known = item if type(item) in ATOMIC else _copied(item, memo)
            made[key] = known
        return made
    if kind in (tuple, list, set) and ATOMIC.issuperset(map(type, value)):
        memo[id(value)] = made = value if kind is tuple else kind(value)
        return made
    return copy.deepcopy(value, memo)


def meta_copy(model: nn.Module) -> nn.Module:
    """A deep copy of `model` on meta: all of its structure, none of its memory."""
    return copy_model(model, to_meta)


def real_copy(model: nn.Module) -> nn.Module:
    """A deep copy of `model` on the CPU with its values; what is on meta gets small random ones."""
    generator = torch.Generator().manual_seed(0)

    def place(tensor: Tensor) -> Tensor:
        if is_lazy(tensor):
            return uninitialized_like(tensor, "cpu")
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
