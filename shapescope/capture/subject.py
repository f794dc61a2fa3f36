"""What is traced: a model that can be had as often as needed, and its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from shapescope.capture.constructions import find_constructors
from shapescope.capture.inferring.argument_names import refuse_unknown
from shapescope.capture.inputs import InputSpec, make_inputs
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.parameters import is_lazy
from shapescope.capture.tensors import map_tensors, tensors_in, to_meta
from shapescope.capture.untouched.copies import meta_copy, real_copy
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import SourceSpan

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Inputs = Sequence[InputSpec] | Arguments
_LONGEST = 120
"""Letters that are kept of what a forward raises."""
_STATE = 3
"""How many axes the state of a recurrent layer has: layers x batch x features."""


class Subject:
    """A model that can be had on meta and on the CPU as often as needed, never the user's own."""

    def __init__(self, model: LoadedModel | nn.Module) -> None:
        self._model = model
        self._definitions: dict[str, SourceSpan] | None = None
        self.name = _class_name(model) if isinstance(model, nn.Module) else model.name
        self.notes: tuple[str, ...] = ()

    def on(self, device: str) -> nn.Module:
        """A copy on `meta` or `cpu`.

        Raises:
            ShapescopeError: the constructor raises.
        """
        if isinstance(self._model, nn.Module):
            module = _unwrapped(self._model)
            return meta_copy(module) if device == "meta" else real_copy(module)
        built = self._model.build(device)
        self._definitions = dict(built.definitions)
        if built.note:
            self.notes = (built.note,)
        if device == "meta" and (built.device != "meta" or _has_real_tensors(built.module)):
            return meta_copy(built.module)
        return built.module

    def environment(self) -> AbstractContextManager[None]:
        """What the user's code finds around it while it runs."""
        return nullcontext() if isinstance(self._model, nn.Module) else self._model.environment()

    def definitions(self) -> dict[str, SourceSpan]:
        """Where each module's constructor was called, as far as that is known."""
        if self._definitions is None:
            if not isinstance(self._model, nn.Module):
                raise RuntimeError("definitions are known after the model was built")
            self._definitions = find_constructors(_unwrapped(self._model))
        return self._definitions


def arguments_on(
    device: str, inputs: Sequence[InputSpec] | Arguments, module: nn.Module
) -> Arguments:
    """Inputs on `meta` or `cpu`: made of specs, or copied where they are the user's own."""
    if are_arguments(inputs):
        place = to_meta if device == "meta" else _cpu_copy
        args, kwargs = map_tensors(place, inputs)
        return tuple(args), dict(kwargs)
    specs: Sequence[InputSpec] = inputs  # type: ignore[assignment]
    refuse_unknown((spec.name for spec in specs), module)
    return make_inputs(specs, module, device=device)


def shaped(module: nn.Module, inputs: Sequence[InputSpec] | Arguments, device: str) -> nn.Module:
    """The module itself, its lazy layers shaped by a first pass with these inputs.

    Raises:
        ShapescopeError: that pass fails.
    """
    if is_lazy(module):
        args, kwargs = arguments_on(device, inputs, module)
        try:
            with torch.no_grad():
                module(*args, **kwargs)
        except Exception as error:  # the user's forward may raise anything
            said = one_line(error, _LONGEST)
            raise ShapescopeError(f"lazy layers take shape with an input: {said}") from error
    return module


def are_arguments(inputs: Any) -> TypeGuard[Arguments]:
    """Whether inputs are the user's own, as `(args, kwargs)`, and no specs to make them from."""
    return isinstance(inputs, tuple) and len(inputs) == 2 and isinstance(inputs[1], dict)


def rebatched(inputs: Arguments, n: int) -> Arguments | None:
    """The user's own inputs with a batch of `n`, samples repeated or left out.

    As in `input_spec.rebatch`, the batch is axis 0 of the first tensor. None where there is no
    such axis to change.
    """
    first = next(tensors_in(inputs), None)
    if first is None or first.dim() == 0 or first.shape[0] == 0:
        return None
    batch = first.shape[0]
    samples = [sample % batch for sample in range(n)]

    def resized(tensor: Tensor) -> Tensor:
        if type(tensor) is not Tensor or tensor.layout is not torch.strided or tensor.is_nested:
            return tensor
        if tensor.dim() and tensor.shape[0] == batch:
            return tensor.detach()[samples]
        if tensor.dim() == _STATE and tensor.shape[1] == batch:
            return tensor.detach()[:, samples]
        return tensor

    args, kwargs = map_tensors(resized, inputs)
    return args, kwargs


def is_one_tensor(inputs: Arguments) -> bool:
    """Whether the user's own inputs are a single tensor: its axis 0 can only be the batch."""
    args, kwargs = inputs
    return len(args) == 1 and not kwargs and type(args[0]) is Tensor


def _cpu_copy(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        shape = " x ".join(map(str, tensor.shape)) or "no axes"
        raise ShapescopeError(
            f"an input of {shape} is on meta and holds no values to run on; "
            "give it on the CPU, or trace with mode='meta'"
        )
    return tensor.detach().to("cpu", copy=True)


def _has_real_tensors(module: nn.Module) -> bool:
    tensors = (*module.parameters(), *module.buffers())
    return any(tensor.device.type != "meta" for tensor in tensors)


def _class_name(module: nn.Module) -> str:
    """The name of a module's class; of a scripted one, of the class that was scripted."""
    scripted = isinstance(module, torch.jit.ScriptModule)
    return str(module.original_name) if scripted else type(module).__name__


def _unwrapped(module: nn.Module) -> nn.Module:
    """The model inside a wrapper that only runs it elsewhere or compiled."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return _unwrapped(module.module)
    children = module.__dict__.get("_modules")
    # A scripted module keeps its children in a table of another kind.
    inner = children.get("_orig_mod") if isinstance(children, dict) else None
    return _unwrapped(inner) if isinstance(inner, nn.Module) else module
