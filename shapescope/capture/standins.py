"""Keeps three heavy imports out of a pass on meta.

The kernels that PyTorch runs on meta ask `torch.fx.experimental.symbolic_shapes` whether a
condition on sizes holds, `sympy` whether an argument is an expression, and `torch._dynamo` to keep
the compiler away. On plain ints and without a compiler these questions have trivial answers, but
asking them for the first time imports sympy and the compiler: three seconds for a trace of
milliseconds. While a pass on meta runs, light modules stand in. Any other question they are asked
loads the real module and passes it on; where a real one is loaded already nothing is done.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What the stand-in for the shapes does not replace but its users look up beside it.
_BESIDE = "torch.fx.experimental._config"
_SHAPES = "torch.fx.experimental.symbolic_shapes"
_COMPILER = "torch._dynamo"
_ALGEBRA = "sympy"
_MARK = "__dynamo_disable"


@contextmanager
def light_imports() -> Iterator[None]:
    """While inside, the modules are stood in for, unless one of them is loaded."""
    if any(name in sys.modules for name in (_SHAPES, _COMPILER, _ALGEBRA)):
        yield
        return
    importlib.import_module(_BESIDE)
    marked: list[Any] = []
    stand_ins = (
        _StandIn(_SHAPES, _ANSWERS),
        _StandIn(_COMPILER, {"disable": _disabling(marked)}),
        _StandIn(_ALGEBRA, {"Basic": _Nothing, "Expr": _Nothing, "Symbol": _Nothing}),
    )
    finder = _Inside()
    for stand_in in stand_ins:
        stand_in._appear()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for function in marked:
            function.__dict__.pop(_MARK, None)
        for stand_in in stand_ins:
            stand_in._withdraw()


class _Nothing:
    """A class that nothing is an instance of."""


class _StandIn(ModuleType):
    """Answers what it knows; for anything else steps aside for the real module."""

    def __init__(self, name: str, answers: dict[str, Any]) -> None:
        super().__init__(name)
        self.__dict__.update(answers)
        self.__path__: list[str] = []

    def _appear(self) -> None:
        sys.modules[self.__name__] = self
        parent, _, attribute = self.__name__.rpartition(".")
        if parent:
            importlib.import_module(parent).__dict__[attribute] = self

    def _withdraw(self) -> None:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        parent, _, attribute = self.__name__.rpartition(".")
        if parent and sys.modules[parent].__dict__.get(attribute) is self:
            del sys.modules[parent].__dict__[attribute]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._withdraw()
        return getattr(importlib.import_module(self.__name__), name)


class _Inside(MetaPathFinder):
    """Finds a module inside of one that is stood in for, as `sympy.core`: the real ones step in."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """None for every other module."""
        outer = sys.modules.get(fullname.rpartition(".")[0])
        if not isinstance(outer, _StandIn):
            return None
        outer._withdraw()
        module = importlib.import_module(fullname)
        spec = ModuleSpec(fullname, _Ready(module))
        # Of a module that came to be while its spec was looked for, its own spec is taken.
        module.__spec__ = spec
        return spec


class _Ready(Loader):
    """Hands over a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module as it is."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """It has run; only the import that led here wrote on it."""
        module.__spec__ = self.spec


def _disabling(marked: list[Any]) -> Callable[..., Any]:
    def disable(function: Any = None, recursive: bool = True, **options: Any) -> Any:
        marked.append(function)
        return function

    return disable


def _all(*conditions: Any) -> bool:
    return all(conditions)


def _any(*conditions: Any) -> bool:
    return any(conditions)


def _equal(a: Any, b: Any) -> bool:
    return bool(tuple(a) == tuple(b) if isinstance(a, tuple | list) else a == b)


def _no_symbols(_: Any) -> set[Any]:
    return set()


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _is_false(*_: Any) -> bool:
    return False


# What each question comes to where every size is an int.
_ANSWERS: dict[str, Any] = {
    "expect_true": bool,
    "guard_or_false": bool,
    "guard_or_true": bool,
    "guard_bool": bool,
    "guard_size_oblivious": bool,
    "guarding_hint_or_throw": int,
    "statically_known_true": bool,
    "statically_known_false": lambda condition: not condition,
    "definitely_true": bool,
    "definitely_false": lambda condition: not condition,
    "sym_and": _all,
    "sym_or": _any,
    "sym_eq": _equal,
    "has_guarding_hint": lambda _: True,
    "is_nested_int": _is_false,
    "has_free_symbols": _is_false,
    "has_free_unbacked_symbols": _is_false,
    "free_symbols": _no_symbols,
    "free_unbacked_symbols": _no_symbols,
    "constrain_range": _nothing,
}
