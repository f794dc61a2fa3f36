"""Keeps the compiler out of `import torchvision`.

One line of torchvision, in `ops/roi_align.py`, imports `torch._dynamo` to ask it a single question,
and asks that only when boxes are pooled without torchvision's own kernels. The import takes most of
the seconds that `import torchvision` takes beyond torch's own. While that one file is executed,
and never while anybody else's code is, light modules stand in for the compiler; the question
itself goes to the real one, which is imported when it is asked. A torchvision whose file asks for
more than that is imported as it is, and where the compiler is loaded already nothing is done.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

__all__ = ["late_compiler"]

_FILE = "torchvision.ops.roi_align"
_COMPILER = "torch._dynamo"
_UTILITIES = "torch._dynamo.utils"
_QUESTION = "is_compile_supported"
_LINE = f"from {_UTILITIES} import {_QUESTION}"


@contextmanager
def late_compiler() -> Iterator[None]:
    """While inside, torchvision is imported without the compiler."""
    finder = _Finder()
    place = next((at for at, one in enumerate(sys.meta_path) if one is PathFinder), 0)
    sys.meta_path.insert(place, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Finds the one file, as any finder would, and has it executed beside the stand-ins."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _FILE or _COMPILER in sys.modules:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or type(spec.loader) is not SourceFileLoader:
            return None
        loader = _Loader(fullname, spec.origin)
        if not _asks_no_more(loader.get_data(spec.origin)):
            return None
        spec.loader = loader
        return spec


def _asks_no_more(data: bytes) -> bool:
    """Whether a file's only word about the compiler is the line that imports the question."""
    return data.count(_COMPILER.encode()) == 1 and f"\n{_LINE}\n".encode() in data


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        if _COMPILER in sys.modules:
            super().exec_module(module)
            return
        compiler, utilities = ModuleType(_COMPILER), ModuleType(_UTILITIES)
        compiler.__path__ = []
        utilities.__dict__[_QUESTION] = _asked_later(module)
        sys.modules.update({_COMPILER: compiler, _UTILITIES: utilities})
        try:
            super().exec_module(module)
        finally:
            for name, stand_in in ((_COMPILER, compiler), (_UTILITIES, utilities)):
                if sys.modules.get(name) is stand_in:
                    del sys.modules[name]


def _asked_later(module: ModuleType) -> object:
    """The question as it stands in a module: the real one takes its place when it is asked."""

    def is_compile_supported(device_type: str) -> bool:
        real = getattr(importlib.import_module(_UTILITIES), _QUESTION)
        module.__dict__[_QUESTION] = real
        return bool(real(device_type))

    return is_compile_supported
