"""What a user's file feeds its models at its top level: the best word on what they take."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import nn

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loading.first_loss import loss_behind
from shapescope.capture.source import user_frame
from shapescope.capture.tensor_specs import spec_of_tensor
from shapescope.capture.traced import Target
from shapescope.source_text import display_path

__all__ = ["FirstCall", "FirstCalls", "IsFedError", "ends_at_model"]


class FirstCall(NamedTuple):
    """The inputs of a call, the place in the user's file that makes it, and the loss behind it."""

    inputs: tuple[InputSpec, ...]
    place: str
    target: Target | None


class IsFedError(BaseException):
    """A model is about to be called; no `except Exception` holds it."""


@contextmanager
def ends_at_model() -> Iterator[None]:
    """While inside, a call of a module with weights raises `IsFedError` in place of running it.

    Whoever notes calls since before has noted this one.
    """

    def end(module: nn.Module, args: tuple[Any, ...]) -> None:
        if next(module.parameters(), None) is not None:
            raise IsFedError

    handle = _before_every_call(end)
    try:
        yield
    finally:
        handle.remove()


def _before_every_call(note: Callable[[nn.Module, tuple[Any, ...]], None]) -> Any:
    # torch gives its global hooks no way to be typed
    register: Any = nn.modules.module.register_module_forward_pre_hook
    return register(note)


class FirstCalls:
    """Notes the first call of each module while this is open, where it is fed tensors by position.

    Modules that others call are noted as well; whoever asks, asks for one.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[weakref.ref[nn.Module], type[nn.Module], FirstCall]] = []
        self._known: set[int] = set()
        self._handle: Any = None

    def __enter__(self) -> FirstCalls:
        self._handle = _before_every_call(self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._handle.remove()

    def of(self, value: object) -> FirstCall | None:
        """The first call of a module, or of any module that a class makes itself."""
        if value is None:
            return None
        return next(
            (call for ref, kind, call in self._seen if value is kind or value is ref()), None
        )

    def _note(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if id(module) in self._known or not args:
            return
        self._known.add(id(module))
        if not all(isinstance(value, torch.Tensor) for value in args):
            return
        site = user_frame(sys._getframe(1))
        if site is not None:
            code, offset = site
            line = list(code.co_positions())[offset // 2][0]
            place = f"{display_path(code.co_filename)}:{line}"
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and frame.f_code is not code:
                frame = frame.f_back
            target = None if frame is None or line is None else loss_behind(frame, line, module)
            call = FirstCall(tuple(map(spec_of_tensor, args)), place, target)
            self._seen.append((weakref.ref(module), type(module), call))
