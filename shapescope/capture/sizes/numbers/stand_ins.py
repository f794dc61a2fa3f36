"""What stands for `int`, `len` and `math` in a user's module, so that formulas live on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from shapescope.capture.sizes.numbers.ratio import AxisRatio
from shapescope.capture.sizes.numbers.root import AxisRoot
from shapescope.capture.sizes.numbers.size import AxisSize


class _Maths:
    """Stands for `math` during a pass: the root of a size keeps its formula."""

    def __getattr__(self, name: str) -> Any:
        return getattr(math, name)

    @staticmethod
    def sqrt(value: Any) -> Any:
        """`math.sqrt`."""
        return AxisRoot(value) if type(value) is AxisSize else math.sqrt(value)

    @staticmethod
    def isqrt(value: Any) -> Any:
        """`math.isqrt`."""
        return AxisRoot(value).__trunc__() if type(value) is AxisSize else math.isqrt(value)


_MATHS = _Maths()


class _WholeNumber(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, int)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, int)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and type(args[0]) in (AxisSize, AxisRatio, AxisRoot):
            return args[0].__trunc__()
        return int(*args, **kwargs)


class Int(int, metaclass=_WholeNumber):
    """Stands for `int` during a pass: `int(size / 2)` keeps its formula, all else is as ever."""


def _length(value: Any) -> Any:
    """Stands for `len` during a pass: Python's own makes a plain number of a tensor's length."""
    return value.size(0) if isinstance(value, Tensor) and value.dim() else len(value)


_BUILTINS: dict[str, Any] = {"int": Int, "len": _length}


@contextmanager
def formulas_live_on(model: nn.Module) -> Iterator[None]:
    """In the user's own functions, `int`, `len` and `math.sqrt` keep formulas while this lasts."""
    places: dict[int, dict[str, Any]] = {}
    for module in model.modules():
        for kind in type(module).__mro__:
            if kind.__module__.startswith(("torch.", "builtins")):
                continue
            for function in vars(kind).values():
                names = getattr(function, "__globals__", None)
                if names is not None:
                    places[id(names)] = names
    without = [
        (names, word) for names in places.values() for word in _BUILTINS if word not in names
    ]
    with_math = [names for names in places.values() if names.get("math") is math]
    for names, word in without:
        names[word] = _BUILTINS[word]
    for names in with_math:
        names["math"] = _MATHS
    try:
        yield
    finally:
        for names, word in without:
            names.pop(word, None)
        for names in with_math:
            names["math"] = math
