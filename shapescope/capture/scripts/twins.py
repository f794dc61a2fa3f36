"""Modules that do what scripted ones do, run by Python.

A layer of torch.nn that was scripted with its settings becomes that layer again, held against the
names and shapes of its weights; everything else becomes a module that runs the script's graph.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.leaves import is_leaf
from shapescope.capture.scripts.program import FORWARD, NotReadableError, Program, read_program

__all__ = ["twins_in", "without_scripts"]

_LAYERS = "__torch__.torch.nn.modules."
_OF_RNN = (
    "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
    "bidirectional", "proj_size",
)  # fmt: skip


class Twin(nn.Module):
    """A scripted module that Python runs; its class bears the name of the one that was scripted."""

    _programs: dict[str, Program]

    def run_next(self, method: str) -> None:
        """Let the next call run another forward than the first one."""
        self.__dict__["_next"] = method

    def forward(self, *args: Any) -> Any:
        """Run one of several forwards, none of which is the first."""
        return self._run_method(self.__dict__.pop("_next"), *args)

    def _run_method(self, name: str, *args: Any) -> Any:
        program = self._programs[name]
        return program.run(self, self._constant_tensors[name], args)

    def __getattr__(self, name: str) -> Any:
        programs = self.__dict__.get("_programs", {})
        if name in programs and name != "forward":
            return lambda *args: self._run_method(name, *args)
        return super().__getattr__(name)


def without_scripts(module: nn.Module) -> nn.Module:
    """The same model with each scripted part replaced by its twin, in place.

    A part whose graph holds something that only TorchScript can run stays as it is.
    """
    twins = twins_in(module)
    if id(module) in twins:
        return twins[id(module)]
    for above in list(module.modules()) if twins else ():
        if not isinstance(above, torch.jit.ScriptModule):
            for name, part in above._modules.items():
                if id(part) in twins:
                    above._modules[name] = twins[id(part)]
    return module


def twins_in(model: nn.Module) -> dict[int, nn.Module]:
    """The twin of each scripted part that lies in none, by the part's identity.

    Their weights are the scripts' own tensors. A part that only TorchScript can run has none.
    """
    inside: set[int] = set()
    made: dict[int, Any] = {}
    found: dict[int, nn.Module] = {}
    for module in model.modules():
        if not isinstance(module, torch.jit.ScriptModule) or id(module) in inside:
            continue
        inside.update(map(id, module.modules()))
        try:
            found[id(module)] = _twin(module, made)
        except NotReadableError:
            continue
    return found


def _twin(script: Any, made: dict[int, Any]) -> nn.Module:
    known: nn.Module | None = made.get(id(script))
    if known is not None:
        return known
    layer = _layer(script, made) or _opened(script, made)
    layer.__dict__["training"] = bool(getattr(script, "training", False))
    made[id(script)] = layer
    return layer


def _layer(script: Any, made: dict[int, Any]) -> nn.Module | None:
    """The layer of torch.nn that was scripted; None where it is none or kept too little."""
    kind = getattr(nn, str(script.original_name), None)
    qualified = str(script._c._type().str())
    if kind is None or not isinstance(kind, type) or not qualified.startswith(_LAYERS):
        return None
    if any(not hasattr(script, name) for name in getattr(kind, "__constants__", ())):
        return None
    if not _takes_input(script):
        return None
    settings = _settings(script, kind)
    try:
        with torch.device("meta"):
            layer: nn.Module = kind(**settings)
    except (TypeError, ValueError):
        return None
    if not is_leaf(layer) or not _has_same_weights(layer, script):
        return None
    _take_weights(layer, script, made)
    if isinstance(layer, nn.RNNBase):
        layer._flat_weights = [getattr(layer, name) for name in layer._flat_weights_names]
    elif isinstance(layer, nn.MultiheadAttention):
        _take_weights(layer.out_proj, script.out_proj, made)
    return layer


def _takes_input(script: Any) -> bool:
    """Whether it is called with an input; a traced Identity is called without one."""
    forwards = filter(FORWARD.fullmatch, script._c._method_names())
    return all(len(script._c._get_method(name).schema.arguments) > 1 for name in forwards)


def _settings(script: Any, kind: Any) -> dict[str, Any]:
    """The arguments of the constructor, from what the script has kept of them."""
    if issubclass(kind, nn.RNNBase):
        return {name: getattr(script, name) for name in _OF_RNN}
    found = {}
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        if name in ("self", "device", "dtype") or not hasattr(script, name):
            continue
        value = getattr(script, name)
        wants_flag = name == "bias" and parameter.default in (True, False)
        found[name] = value is not None if wants_flag and not isinstance(value, bool) else value
    if issubclass(kind, nn.MultiheadAttention):
        found["bias"] = script.in_proj_bias is not None
    return found


def _tensors(module: Any) -> dict[str, Tensor]:
    return {
        name: tensor
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None
    }


def _has_same_weights(layer: nn.Module, script: Any) -> bool:
    own, scripted = _tensors(layer), _tensors(script)
    return {name: tensor.shape for name, tensor in own.items()} == {
        name: tensor.shape for name, tensor in scripted.items()
    }


def _parameter(tensor: Any, known: dict[int, Any]) -> Any:
    """A script that was loaded keeps its parameters as plain tensors that ask for a gradient."""
    if tensor is None or isinstance(tensor, nn.Parameter):
        return tensor
    if id(tensor) not in known:
        known[id(tensor)] = nn.Parameter(tensor.detach(), tensor.requires_grad)
        known[id(known[id(tensor)])] = tensor  # kept alive, so that no other gets its number
    return known[id(tensor)]


def _take_weights(layer: nn.Module, script: Any, known: dict[int, Any]) -> None:
    for name, tensor in script._parameters.items():
        layer._parameters[name] = _parameter(tensor, known)
    for name, tensor in script._buffers.items():
        layer._buffers[name] = tensor


def _opened(script: Any, made: dict[int, Any]) -> Twin:
    """A module that runs the graphs of a script's methods."""
    name = str(script.original_name)
    methods = script._c._method_names()
    forward = _forward_of(script) if "forward" in methods else Twin.forward
    twin: Twin = type(name, (Twin,), {"forward": forward, "__module__": __name__})()
    _take_weights(twin, script, made)
    for child, module in script._modules.items():
        twin._modules[child] = _twin(module, made)
    programs = {method: read_program(script._c._get_method(method).graph) for method in methods}
    twin.__dict__["_programs"] = programs
    twin.__dict__["_constant_tensors"] = {
        method: dict(program.tensors) for method, program in programs.items()
    }
    for attribute in {name for program in programs.values() for name in program.asked}:
        if not hasattr(twin, attribute) and script._c.hasattr(attribute):
            twin.__dict__[attribute] = script._c.getattr(attribute)
    return twin


def _forward_of(script: Any) -> Any:
    """A forward with the signature that was scripted."""
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
    taken = {"self"}
    for argument in script._c._get_method("forward").schema.arguments[1:]:
        default = argument.default_value if argument.has_default_value() else inspect._empty
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        name = argument.name
        while name in taken:  # tracing may call several arguments alike
            name += "_"
        taken.add(name)
        parameters.append(inspect.Parameter(name, kind, default=default))
    signature = inspect.Signature(parameters)

    def forward(self: Twin, *args: Any, **kwargs: Any) -> Any:
        method = self.__dict__.pop("_next", "forward")
        if method != "forward":
            return self._run_method(method, *args)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        return self._run_method(method, *bound.args[1:])

    forward.__signature__ = signature  # type: ignore[attr-defined]
    return forward
