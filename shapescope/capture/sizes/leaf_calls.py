"""The calls of a model's leaves: torch gets plain numbers, the formulas are kept beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from shapescope.capture.leaves import is_leaf
from shapescope.capture.sizes.reader import plain_numbers

__all__ = ["LeafCall", "LeafCalls"]


class LeafCall(NamedTuple):
    """A leaf, and the arguments that the forward gave it."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class LeafCalls:
    """The latest call of each leaf, by path: one may call others on the way.

    Args:
        modules: every module of the model under its first name.
    """

    def __init__(self, modules: Iterable[tuple[str, nn.Module]]) -> None:
        self._modules = tuple(modules)
        self._latest: dict[str, LeafCall] = {}

    def latest(self, path: str) -> LeafCall | None:
        """The latest call of the leaf at a path; None where it was not called."""
        return self._latest.get(path)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While it lasts, leaves get plain numbers, and the arguments with formulas are kept."""
        paths = {module: path for path, module in self._modules}

        def keep(module: nn.Module, args: Any, kwargs: Any) -> Any:
            self._latest[paths[module]] = LeafCall(module, args, kwargs)
            with torch._C.DisableTorchFunction():
                return plain_numbers(args), plain_numbers(kwargs)

        handles = [
            module.register_forward_pre_hook(keep, with_kwargs=True)
            for _, module in self._modules
            if is_leaf(module) and not isinstance(module, torch.jit.ScriptModule)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
