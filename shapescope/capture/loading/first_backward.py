"""The end of a file that trains while it is read for its model: at its first backward pass.

What trains is not always seen in the file's text: a method of the model does it, a trainer class,
or a function of another file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import walk_stack
from typing import Any

import torch

from shapescope.capture.loading.at_work import line_at_work

__all__ = ["TrainsError", "ends_at_backward"]


class TrainsError(BaseException):
    """A statement of a file's top level began a backward pass; no `except Exception` holds it.

    Attributes:
        line: the statement's.
    """

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@contextmanager
def ends_at_backward(file: str, is_over: Callable[[int], bool]) -> Iterator[None]:
    """While inside, a backward pass that a file's top level leads to raises `TrainsError`.

    Args:
        file: the file's path, as in its code objects.
        is_over: whether nothing is wanted of the file from a line of its top level on. Where
            something is, and in passes that others begin, all goes on.
    """
    real = torch.autograd.backward

    def backward(*args: Any, **kwargs: Any) -> None:
        line = line_at_work(file, walk_stack(sys._getframe()))
        if line and is_over(line):
            raise TrainsError(line)
        real(*args, **kwargs)

    torch.autograd.backward = backward
    try:
        yield
    finally:
        torch.autograd.backward = real
