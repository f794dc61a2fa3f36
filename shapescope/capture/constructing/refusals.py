"""Why a constructor raised: a name that is spelled otherwise, an argument, numbers that clash."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import gcd
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch import nn

from shapescope.analysis.code import CallSource, call_at, expression_at
from shapescope.analysis.code.origins import default_of
from shapescope.analysis.code.spelling import nearly_alike
from shapescope.capture.constructing.trial import tried_help
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.source import (
    code_span,
    frames_of,
    is_user_code,
    traceback_site,
    user_frame_of,
)
from shapescope.diagnostic import Diagnostic, Edit, Help, Label, Severity
from shapescope.trace import SourceSpan

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["refused_by_a_layer", "unknown_argument", "unknown_name"]

_ALIKE = 0.7
_MOST_NUMBERS = 4
_MOST_DIVISORS = 8
_DIVIDED = (
    ("in_channels", "groups"),
    ("out_channels", "groups"),
    ("embed_dim", "num_heads"),
    ("num_channels", "num_groups"),
)
"""Arguments of torch's layers of which the first has to be a multiple of the second."""
_CHOICES = ("num_heads", "num_groups", "groups", "nhead")
"""Arguments that may take another value without anything else having to follow."""


def unknown_name(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """`nn.Conv2D`, `self.cov1`, `Linear` without its import: the name that is nearest."""
    site = traceback_site(error)
    span = None if site is None else code_span(*site)
    found = expression_at(span)
    if found is None or span is None or not isinstance(error, AttributeError | NameError):
        return None
    code, node = found
    node = node.func if isinstance(node, ast.Call) else node
    if isinstance(node, ast.Attribute) and isinstance(error, AttributeError):
        if error.name not in (None, node.attr):
            return None  # code that this line calls into looks for it
        owner, name = code.text(node.value), node.attr
        known: Iterable[str] = [*dir(error.obj), *getattr(error.obj, "_modules", ())]
        message = f"`{owner}` has no `{name}`"
        prefix = f"{owner}."
    elif isinstance(node, ast.Name) and isinstance(error, NameError):
        frame = user_frame_of(error)
        name, prefix = node.id, ""
        known = [] if frame is None else [*frame.f_locals, *frame.f_globals]
        message = f"`{name}` is not defined"
    else:
        return None
    where = code.span(node)
    helps = tuple(
        tried_help(
            f"call it `{prefix}{other}`", (code.replace(node, prefix + other),), code.file, model
        )
        for other in nearly_alike(name, known, _ALIKE)[:1]
    )
    if not prefix and hasattr(nn, name):
        helps = (Help(f"torch.nn has one: write nn.{name}, or import it"),)
    return Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message=message,
        labels=(Label(where, f"nothing is called `{name}` there", primary=True),),
        help=helps,
        detail=str(error),
    )


def unknown_argument(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """A keyword that the layer does not take, or an argument that it needs and does not get."""
    call, frame = _call(error), user_frame_of(error)
    if call is None or frame is None or not isinstance(error, TypeError):
        return None
    if any(isinstance(arg, ast.Starred) for arg in call.node.args):
        return None
    callee = _value(call.node.func, frame)
    try:
        parameters = inspect.signature(callee).parameters
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return None
    written = call.code.text(call.node.func)
    takes = f"it takes {', '.join(parameters)}"
    for keyword in call.node.keywords:
        if keyword.arg is None:
            return None
        if keyword.arg not in parameters:
            name = keyword.arg
            place = _keyword_name(call, keyword)
            helps = tuple(
                tried_help(f"call it `{other}`", (Edit(place, other),), call.code.file, model)
                for other in nearly_alike(name, parameters, _ALIKE)[:1]
            )
            return _diagnostic(
                f"`{written}` takes no `{name}`", place, "no argument of it", (takes,), helps, error
            )
    given = {*list(parameters)[: len(call.node.args)], *(k.arg for k in call.node.keywords)}
    absent = [
        name
        for name, one in parameters.items()
        if one.default is one.empty and one.kind is not one.VAR_POSITIONAL and name not in given
    ]
    if not absent:
        return None
    names = " and ".join(f"`{name}`" for name in absent)
    return _diagnostic(
        f"`{written}` needs {names}", call.span, f"{names} left out", (takes,), (), error
    )


def refused_by_a_layer(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """Numbers that a layer of torch's refuses, with what each of them is."""
    call, inner = _call(error), _refusing_frame(error)
    if call is None or inner is None or not isinstance(error, ValueError | AssertionError):
        return None
    code = inner.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    given = {name: inner.f_locals.get(name) for name in names}
    numbers = {name: value for name, value in given.items() if type(value) is int}
    clash = next(_clashes(numbers), None)
    notes: tuple[str, ...] = ()
    helps: tuple[Help, ...] = ()
    if clash is None:
        text = one_line(error)
        shown = list(numbers.items())[:_MOST_NUMBERS]
        why = ", ".join(f"{name} = {value}" for name, value in shown)
    else:
        whole, part = clash
        count, by = numbers[whole], numbers[part]
        text = f"{whole} ({count}) must be divisible by {part} ({by})"
        why = f"{count} = {count // by} * {by} + {count % by}"
        notes = (f"{whole} = {count} divides by {_divisors(count)}",)
        depthwise = tuple(_depthwise(call, part, numbers, model))
        helps = depthwise or tuple(_nearest_divisor(call, part, numbers, model))
    written = call.code.text(call.node.func)
    found = _diagnostic(
        f"`{written}` refuses its numbers: {text}", call.span, "", notes, helps, error
    )
    return replace(found, why=(why,) if why else ())


def _clashes(numbers: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The arguments of which one has to be a multiple of the other, and is not."""
    for whole, part in _DIVIDED:
        count, by = numbers.get(whole, 0), numbers.get(part, 0)
        if count > 0 and by > 0 and count % by:
            yield whole, part


def _keyword_name(call: CallSource, keyword: ast.keyword) -> SourceSpan:
    """The span of `NAME` in `NAME=VALUE`."""
    line = call.code.lines[keyword.lineno - 1]
    column = len(line.encode("utf-8")[: keyword.col_offset].decode("utf-8", errors="ignore")) + 1
    width = len(keyword.arg or "")
    file = call.span.file
    return SourceSpan(file, keyword.lineno, column, keyword.lineno, column + width)


def _depthwise(
    call: CallSource, name: str, numbers: dict[str, int], model: LoadedModel
) -> Iterator[Help]:
    """As many channels out as in, where the groups are written as the channels that come in.

    A group for each channel is meant: with fewer groups the numbers come out, and the convolution
    is none for each channel any more.
    """
    groups, given = call.argument("groups"), call.argument("in_channels")
    made, code = call.argument("out_channels"), call.code
    if name != "groups" or groups is None or given is None or made is None:
        return
    if code.text(groups) == code.text(given) and numbers.get("in_channels", 0) > 1:
        text = code.text(given)
        edit = code.replace(made, text)
        message = f"out_channels={text}: a group for each channel gives as many as come in"
        yield tried_help(message, (edit,), code.file, model)


def _nearest_divisor(
    call: CallSource, name: str, numbers: dict[str, int], model: LoadedModel
) -> Iterable[Help]:
    """The count of heads or groups that divides all it has to, nearest to what was asked for."""
    argument = next((alias for alias in (name, *_CHOICES) if call.argument(alias)), None)
    if argument not in _CHOICES:
        return
    common = gcd(*(numbers.get(whole, 0) for whole, part in _DIVIDED if part == name))
    fits = [size for size in range(1, common + 1) if common % size == 0]
    asked = numbers[name]
    # Groups of channels are powers of two by custom, heads are not.
    powers = [size for size in fits if size & (size - 1) == 0 and 4 * size >= asked]
    likely = powers if name == "num_groups" and powers else fits
    nearest = min(likely, key=lambda size: abs(size - asked))
    place = _literal(call, argument)
    given = call.argument(argument)
    if place is None and isinstance(given, ast.Name | ast.Attribute):
        text = _same_name(call, name, nearest, numbers)
        edit = call.code.replace(given, text)
        yield tried_help(f"{argument}={text}", (edit,), call.code.file, model)
        return
    if place is None:
        yield Help(f"{argument}={nearest}")
        return
    edit = call.code.replace(place, str(nearest))
    yield tried_help(f"{argument}={nearest}", (edit,), call.code.file, model)


def _same_name(call: CallSource, name: str, value: int, numbers: dict[str, int]) -> str:
    """How the call writes an argument of that value: `nin` for the groups of as many channels."""
    wholes = [whole for whole, part in _DIVIDED if part == name and numbers.get(whole) == value]
    nodes = [call.argument(whole) for whole in wholes]
    return next((call.code.text(node) for node in nodes if node is not None), str(value))


def _literal(call: CallSource, argument: str) -> ast.expr | None:
    """The number itself: in the call, or as the default of the parameter that is handed on."""
    given = call.argument(argument)
    function = call.code.function(call.node)
    if isinstance(given, ast.Name) and function is not None:
        given = default_of(function, given.id)
    return given if isinstance(given, ast.Constant) else None


def _divisors(count: int) -> str:
    found = [size for size in range(1, count + 1) if count % size == 0]
    more = ", ..." if len(found) > _MOST_DIVISORS else ""
    return ", ".join(map(str, found[:_MOST_DIVISORS])) + more


def _diagnostic(
    message: str,
    span: SourceSpan,
    label: str,
    notes: tuple[str, ...],
    helps: tuple[Help, ...],
    error: BaseException,
) -> Diagnostic:
    return Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message=message,
        labels=(Label(span, label, primary=True),),
        notes=notes,
        help=helps,
        detail=str(error),
    )


def _call(error: BaseException) -> CallSource | None:
    site = traceback_site(error)
    return None if site is None else call_at(code_span(*site))


def _refusing_frame(error: BaseException) -> FrameType | None:
    """The innermost `__init__` of torch's below the user's last line.

    A layer may hand its numbers on to one inside it, which refuses them under other names.
    """
    found = None
    for frame in frames_of(error):
        if is_user_code(frame.f_code):
            found = None
        elif frame.f_code.co_name == "__init__" and _is_torch(frame):
            found = frame
    return found


def _is_torch(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("torch.")


def _value(node: ast.expr, frame: FrameType) -> Any:
    """What a dotted name stands for in a frame; None for anything that would have to be run."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, frame)
        return None if owner is None else inspect.getattr_static(owner, node.attr, None)
    return None
