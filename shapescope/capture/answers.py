"""What torch said of a call on meta, for the next call that asks the same.

On meta a call gives nothing but sizes, strides and a dtype, and these depend on nothing but the
sizes, strides and dtypes that go in, and on the settings. A deep network asks the same question
again and again, one block like the other, and some answers take torch half a millisecond of
Python (linear, batch norm, gelu). Each question is put to torch once; whoever asks it again gets a
fresh tensor of the same kind. What a pass has learnt the next one knows as well (see `remembered`).

Every doubt is decided for asking torch: a layer of a class of the user's, with hooks or with
children that are no layers, a tensor that is not plain or not on meta, an argument that cannot be
told apart by value, gradients, autocast, a dispatch mode of the user's, a call that `torch.vmap`
and its like transform, and a result that shares an input. A layer that gives the very tensor it
was given (an activation in place, a dropout that is off) gives it again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules

from shapescope.capture.leaves import is_leaf
from shapescope.capture.remembered import PLAIN, LayerQuestion, Remembered, lasts

_Kind: TypeAlias = tuple[torch.Size, tuple[int, ...], torch.dtype]
"""All there is to a fresh tensor on meta: its shape, strides and dtype."""

# torch 2.4 has no class for buffers
_TENSORS = frozenset({Tensor, nn.Parameter, getattr(nn, "Buffer", Tensor)})
_ASK: Any = object()
_ITSELF: Any = object()
"""The answer of a layer that gives the only tensor it is given, as it was."""
_UNKNOWN: Any = object()
_META = torch.device("meta")
_transforms: Callable[[], int | None] = torch._C._functorch.maybe_current_level
_GLOBAL_HOOKS = (
    torch_modules._global_forward_pre_hooks,
    torch_modules._global_forward_hooks,
)


class Answers:
    """The answers of one pass.

    Args:
        remembered: answers of earlier passes, to use and to add to; none if left out.
    """

    def __init__(self, remembered: Remembered | None = None) -> None:
        self._remembered = remembered
        self._lasting = {} if remembered is None else remembered.open()
        self._known: dict[Hashable, Any] = {}

    def of_layer(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a leaf module gives."""
        question = _layer(module) if _nothing_special() else None
        if question is None:
            return module._call_impl(*args, **kwargs)
        if self._remembered is not None:
            self._remembered.rests_on(question)
        return self._answer(question, module._call_impl, args, kwargs)

    def of_call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        repeats: bool = True,
    ) -> Any:
        """What a function gives."""
        if not repeats or not _nothing_special():
            return function(*args, **kwargs)
        return self._answer(function, function, args, kwargs)

    def _answer(
        self,
        question: Hashable,
        run: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        given: list[Tensor] = []
        try:
            if len(args) == 1 and not kwargs and type(args[0]) is Tensor:  # most layers
                given.append(args[0])
                told: Hashable = _kind(args[0])
            else:
                told = _told(args, given), _told(kwargs, given) if kwargs else None
            # Whole numbers divided give the default dtype, which a forward may change.
            key = (question, torch.get_default_dtype(), told)
            answer = self._lasting.get(key, _UNKNOWN)
            if answer is _UNKNOWN:
                answer = self._known.get(key, _UNKNOWN)
        except TypeError:  # something among the arguments is not told apart by value
            return run(*args, **kwargs)
        if answer is _UNKNOWN:
            result = run(*args, **kwargs)
            same = type(question) is LayerQuestion and _gives_back(result, args, told)
            answers = self._lasting if lasts(question) else self._known
            answers[key] = _ITSELF if same else _kept(result, given)
            return result
        # What was made in inference mode is refused outside of it.
        if answer is _ASK or (answer is _ITSELF and args[0].is_inference()):
            return run(*args, **kwargs)
        if answer is _ITSELF:
            return args[0]
        if type(answer) is list:
            return tuple(None if kind is None else _fresh(kind) for kind in answer)
        return _fresh(answer)


def _nothing_special() -> bool:
    """Whether nothing but its arguments tells what a call gives."""
    return not (
        torch.is_grad_enabled()
        or torch._C._is_any_autocast_enabled()
        or torch._C._len_torch_dispatch_stack()
        or _transforms() is not None
    )


def _layer(module: nn.Module) -> LayerQuestion | None:
    """All that tells what a leaf gives, besides its inputs; None where that cannot be said."""
    own = module.__dict__
    cls: Any = type(module)
    if module._forward_pre_hooks or module._forward_hooks or any(_GLOBAL_HOOKS):
        return None
    if not cls.__module__.startswith("torch."):
        return None
    settings = _settings_of(cls, tuple(own))
    if settings is None:
        return None
    inside = []
    for child in module._modules.values():
        part = None if child is None or not is_leaf(child) else _layer(child)
        if part is None:
            return None
        inside.append(part)
    weights: list[_Kind | None] = []
    for held in (module._parameters, module._buffers):
        for tensor in held.values():
            if tensor is None:
                weights.append(None)
            elif type(tensor) in _TENSORS and tensor.is_meta and tensor.layout is torch.strided:
                weights.append((tensor.shape, tensor.stride(), tensor.dtype))
            else:
                return None
    return LayerQuestion(cls, settings(own), tuple(weights), tuple(inside))


@lru_cache(maxsize=1024)
def _settings_of(cls: Any, names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]] | None:
    """How to read the settings of a layer of torch's with these attributes.

    None where that does not tell all: the layer has another one of a method.
    """
    if any(callable(getattr(cls, name, None)) for name in names):
        return None
    settings = [name for name in names if name[0] != "_"]
    if len(settings) < 2:  # `itemgetter` gives a tuple for two and more
        return lambda own: tuple([own[name] for name in settings])
    return itemgetter(*settings)


def _told(value: Any, given: list[Tensor]) -> Hashable:
    """Something equal for arguments that are alike in all that matters; the tensors are noted.

    Raises:
        TypeError: it holds what this cannot tell.
    """
    kind = type(value)
    if kind is Tensor or kind is nn.Parameter:
        for position, other in enumerate(given):
            if other is value:
                return position  # the same tensor twice is another question than two alike
        given.append(value)
        return _kind(value)
    if kind in PLAIN:
        return (kind, value)  # 2 and 2.0 give different dtypes
    if kind is tuple or kind is list or kind is torch.Size:
        return (kind, *[_told(item, given) for item in value])
    if kind is dict:
        return tuple([(name, _told(item, given)) for name, item in value.items()])
    raise TypeError(kind)


def _kind(tensor: Tensor) -> _Kind:
    if not tensor.is_meta or tensor.layout is not torch.strided:
        raise TypeError(tensor.device)
    return tensor.shape, tensor.stride(), tensor.dtype


def _fresh(kind: _Kind) -> Tensor:
    shape, strides, dtype = kind
    return torch.empty_strided(shape, strides, dtype=dtype, device=_META)


def _gives_back(result: Any, args: tuple[Any, ...], told: Hashable) -> bool:
    """Whether a layer's result is the only tensor it was given, with sizes as they were."""
    return len(args) == 1 and result is args[0] and _kind(result) == told


def _kept(result: Any, given: list[Tensor]) -> Any:
    """What to keep of a result: its kind, several in a list, or that torch is asked each time."""
    several = type(result) is tuple
    kinds: list[_Kind | None] = []
    for tensor in result if several else (result,):
        if several and tensor is None:
            kinds.append(None)
        elif type(tensor) is Tensor and tensor.is_meta and not _shares(tensor, given):
            kinds.append((tensor.shape, tensor.stride(), tensor.dtype))
        else:
            return _ASK
    return kinds if several else kinds[0]


def _shares(tensor: Tensor, given: list[Tensor]) -> bool:
    """Whether a result lies in the memory of an argument: a view of it, or the argument itself."""
    if tensor.layout is not torch.strided:
        return True
    memory = tensor.untyped_storage()._cdata
    return any(memory == other.untyped_storage()._cdata for other in given)
