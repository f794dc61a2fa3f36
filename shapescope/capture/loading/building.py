"""Building a module without the memory of its weights, where its constructor allows that.

On meta first. A constructor that needs values (`.item()`, NumPy, a condition on a tensor) is run
again with only its parameters on meta, and then on the CPU.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shapescope.capture.constructions import Constructions
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.loading.one_device import without_gpu
from shapescope.capture.source import call_user, traceback_site
from shapescope.capture.standins import light_imports
from shapescope.trace import SourceSpan
from shapescope.turns import one_at_a_time

__all__ = ["Built", "build_module"]


@dataclass(frozen=True, slots=True)
class Built:
    """A module in eval mode.

    Attributes:
        module: the module, the caller's to change.
        definitions: constructor expressions by path.
        device: where it was built: `meta`, `parameters` (these on meta, the rest on the CPU) or
            the device itself.
        note: why it was not `meta` when that was asked for; "" otherwise.
    """

    module: nn.Module
    definitions: dict[str, SourceSpan]
    device: str
    note: str = ""


@one_at_a_time()
def build_module(make: Callable[[], Any], device: str = "meta", seed: int = 0) -> Built:
    """Call `make`, seeded, and put what it gives in eval mode.

    Random states of torch, Python and NumPy are left as they were.

    Raises:
        Exception: whatever the constructor raises in the last way that was tried.
        TypeError: `make` gives no module.
    """
    if device != "meta":
        return _build(make, torch.device(device), device, seed)
    try:
        return _build(make, torch.device("meta"), "meta", seed)
    except Exception as error:  # noqa: BLE001  # any constructor may fail on meta in its own way
        first = error
    note = f"the constructor does not work on meta ({one_line(first, 120)})"
    try:
        with _parameters_on_meta():
            return _build(make, torch.device("cpu"), "parameters", seed, note)
    except Exception as error:
        if _is_own_fault(first, error):
            raise
    return _build(make, torch.device("cpu"), "cpu", seed, note)


def _is_own_fault(first: Exception, second: Exception) -> bool:
    """Whether two ways failed alike, in a way that no device has to do with."""
    if type(first) is not type(second) or str(first) != str(second):
        return False
    return traceback_site(first) == traceback_site(second) and "meta" not in str(second)


def _build(
    make: Callable[[], Any], device: torch.device, name: str, seed: int, note: str = ""
) -> Built:
    with _seeded(seed), Constructions() as constructions:
        # The CPU is where a constructor goes by itself; it may have set another default.
        if device.type == "cpu":
            module = call_user(without_gpu, make)
        else:
            with device, light_imports():
                module = call_user(without_gpu, make)
        if not isinstance(module, nn.Module):
            what = "None" if module is None else f"a value of type {type(module).__name__}"
            raise NotAModuleError(what)
        if "_modules" not in module.__dict__:
            # Its class never called `Module.__init__`: there is nothing more it could be asked.
            return Built(module, {}, name, note)
        if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
            from shapescope.capture.scripts import without_scripts

            module = without_scripts(module)
        call_user(module.eval)
    return Built(module, constructions.spans(module), name, note)


class NotAModuleError(TypeError):
    """What should have given a module gave something else; the text says what."""


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    numpy = sys.modules.get("numpy.random")
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_state = None if numpy is None else numpy.get_state()
    random.seed(seed)
    torch.default_generator.manual_seed(seed)
    if numpy is not None:
        numpy.seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
        if numpy is not None:
            numpy.set_state(numpy_state)


@contextmanager
def _parameters_on_meta() -> Iterator[None]:
    """While this is open, every parameter moves to meta as soon as it is registered."""
    original = nn.Module.register_parameter

    def register(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        original(self, name, param)
        if param is None or param.device.type == "meta" or nn.parameter.is_lazy(param):
            return
        moved = nn.Parameter(param.detach().to("meta"), param.requires_grad)
        moved.__dict__.update(param.__dict__)
        self._parameters[name] = moved

    nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = original  # type: ignore[method-assign]
