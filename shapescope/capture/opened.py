"""Calls that stand for others, which are the steps that people know.

An operator of torch's own (`torch.ops.aten.convolution`, as exported programs hold it) is called
as people call it; an argument that is no tensor but takes torch's calls (`__torch_function__`) is
asked what it makes of one; and a scripted function is run by Python, as TorchScript shows nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.overrides import _get_overloaded_args

from shapescope.capture.called import Called
from shapescope.ops import lookup, snake_case

__all__ = ["call_of_stand_in", "public_of_operator", "scripts_as_steps"]

Call: TypeAlias = Callable[[Called, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""Runs a function as one step."""


def public_of_operator(func: Any) -> Callable[..., Any] | None:
    """What people call instead of an operator; None where they call it so, or it is none."""
    if isinstance(func, torch._ops.OpOverloadPacket):
        func = getattr(func, func.overloads()[0])  # type: ignore[no-untyped-call]
    if not isinstance(func, torch._ops.OpOverload):
        return None
    from shapescope.capture.scripts.public import public_function

    return public_function(func._schema)


def call_of_stand_in(
    func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], Any] | None:
    """What torch would do next with a call whose arguments hold a class that is no tensor.

    None where all of them are tensors, of whatever class.
    """
    if all(issubclass(kind, Tensor) for kind in types):
        return None
    asked = _get_overloaded_args(_given(args, kwargs))

    def call() -> Any:
        for argument in asked:
            result = type(argument).__torch_function__(func, types, args, kwargs)
            if result is not NotImplemented:
                return result
        names = ", ".join(kind.__name__ for kind in types)
        raise TypeError(f"no implementation of {func} for {names}")

    return call


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Arguments, and what is in their lists: where torch looks for its classes, too."""
    found: list[Any] = []
    for value in (*args, *kwargs.values()):
        found += value if isinstance(value, list | tuple) else [value]
    return found


@contextmanager
def scripts_as_steps(call: Call, is_inside: Callable[[], bool]) -> Iterator[None]:
    """Run each scripted function by Python; through `call` where only TorchScript can run it.

    Args:
        call: runs a function as one step.
        is_inside: whether what is called belongs to a step.
    """
    kind: Any = torch.jit.ScriptFunction
    original = kind.__call__

    def run(script: Any, *args: Any, **kwargs: Any) -> Any:
        if is_inside():
            return original(script, *args, **kwargs)
        opened = _program_of(script, args, kwargs)
        if opened is not None:
            return opened()
        name = snake_case(script.name)
        known = Called(name, lookup(name), False, False)
        return call(known, partial(original, script), args, kwargs)

    kind.__call__ = run
    try:
        yield
    finally:
        kind.__call__ = original


def _program_of(
    script: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], Any] | None:
    """The call of a scripted function run by Python; None where it cannot be."""
    from shapescope.capture.scripts.program import NotReadableError, read_program

    parameters = [
        inspect.Parameter(
            argument.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=argument.default_value if argument.has_default_value() else inspect._empty,
        )
        for argument in script.schema.arguments
    ]
    try:
        program = read_program(script.graph)
        bound = inspect.Signature(parameters).bind(*args, **kwargs)
    except (NotReadableError, TypeError):
        return None
    bound.apply_defaults()
    if not bound.args:
        return None
    return partial(program.run, bound.args[0], program.tensors, bound.args[1:])
