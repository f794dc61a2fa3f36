"""What passes on meta have learnt from torch, for the passes that follow in the same process.

A model is often traced again: with another batch, after an edit on trial, at every save. A question
holds all that its answer depends on (see `answers`) but for what no question can hold: the code
that answers it. A class of layers, or a function of `torch.nn.functional`, that somebody replaced
since makes all that was learnt void, and so does a mode of the user's that torch asks first.

Only what is made of plain values lasts, so that nothing of a model's is kept alive.
"""

from __future__ import annotations

from collections.abc import Hashable
from operator import is_
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, NamedTuple

import torch
from torch import nn

_MOST = 20_000
"""Questions that are remembered at most: a few megabytes."""

PLAIN = frozenset({bool, int, float, complex, str, type(None), torch.dtype, torch.device})
_FIXED = frozenset({FunctionType, BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType})
"""Functions that torch has for good; an operator may be registered anew."""


class LayerQuestion(NamedTuple):
    """All that tells what a layer gives, besides its inputs: no layer of a user's class has one."""

    kind: type
    settings: tuple[Any, ...]
    weights: tuple[Any, ...]
    inside: tuple[LayerQuestion, ...]


def lasts(question: Hashable) -> bool:
    """Whether a question is made of nothing but plain values, and code of torch's."""
    if type(question) is not LayerQuestion:
        return type(question) in _FIXED
    kinds = set(map(type, question.settings))
    if tuple in kinds:
        kinds.remove(tuple)
        for value in question.settings:
            if type(value) is tuple and not PLAIN.issuperset(map(type, value)):
                return False
    return kinds <= PLAIN and all(map(lasts, question.inside))


class Remembered:
    """The answers of all passes, until the code that gave them changes."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}
        self._code: dict[type | None, tuple[Any, ...]] = {}

    def open(self) -> dict[Hashable, Any]:
        """What is known at the beginning of a pass, which may add to it."""
        if torch._C._len_torch_function_stack():
            return {}  # a mode of the user's answers in torch's place
        if len(self._answers) > _MOST or not all(map(self._stands, self._code)):
            self._answers, self._code = {}, {}
        self._code.setdefault(None, _parts(None))
        return self._answers

    def rests_on(self, question: LayerQuestion) -> None:
        """Note that an answer was given by the code of this layer's class."""
        if question.kind not in self._code:
            for base in question.kind.__mro__[:-1]:
                self._code.setdefault(base, _parts(base))
        for inner in question.inside:
            self.rests_on(inner)

    def _stands(self, kind: type | None) -> bool:
        before, now = self._code[kind], _parts(kind)
        return len(before) == len(now) and all(map(is_, before, now))


def _parts(kind: type | None) -> tuple[Any, ...]:
    """What a class is made of; of None, the functions that layers call."""
    return tuple(vars(nn.functional if kind is None else kind).values())


REMEMBERED = Remembered()
"""Those of this process."""
