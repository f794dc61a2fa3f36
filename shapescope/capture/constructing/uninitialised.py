"""Models whose `Module.__init__` runs too late or not at all: which class is to blame."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from shapescope.capture.constructing.trial import tried_help
from shapescope.capture.source import (
    code_span,
    is_user_code,
    node_span,
    traceback_site,
    user_frame_of,
)
from shapescope.diagnostic import Diagnostic, Edit, Label, Severity
from shapescope.source_text import absolute_path, display_path, source_tree
from shapescope.trace import SourceSpan

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["never_initialised", "used_too_early"]

_NOTE = "torch.nn.Module keeps layers in tables that its `__init__` makes"


@dataclass(frozen=True, slots=True)
class _Init:
    """The `__init__` of one class of the user's.

    Attributes:
        name: `Class.__init__`.
        file: its file.
        node: its definition.
        call: the statement that calls the base class's `__init__`, if there is one.
    """

    name: str
    file: str
    node: ast.FunctionDef
    call: ast.Expr | None

    @property
    def head(self) -> SourceSpan:
        """The words `def NAME`."""
        line, column = self.node.lineno, self.node.col_offset + 1
        width = len("def ") + len(self.node.name)
        return SourceSpan(display_path(self.file), line, column, line, column + width)

    def edits(self) -> tuple[Edit, ...]:
        """What makes the call of the base class's `__init__` its first statement."""
        file, body = display_path(self.file), self.node.body
        first = next((node for node in body if not _is_docstring(node)), None)
        if first is None or first is self.call:
            return ()
        written = "super().__init__()" if self.call is None else ast.unparse(self.call)
        column = first.col_offset + 1
        start = SourceSpan(file, first.lineno, column, first.lineno, column)
        edits = [Edit(start, written + "\n" + " " * first.col_offset)]
        if self.call is not None:
            after = (self.call.end_lineno or self.call.lineno) + 1
            edits.append(Edit(SourceSpan(file, self.call.lineno, 1, after, 1), ""))
        return tuple(edits)


def used_too_early(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """The Diagnostic of a layer assigned before `Module.__init__` ran; None for other errors."""
    site = traceback_site(error)
    frame = user_frame_of(error)
    if site is None or frame is None or not isinstance(error, AttributeError):
        return None
    if not frame.f_code.co_argcount:
        return None
    owner = frame.f_locals.get(frame.f_code.co_varnames[0])
    span = code_span(*site)
    if span is None or not isinstance(owner, nn.Module) or "_modules" in owner.__dict__:
        return None
    blamed = _blamed(type(owner), span)
    name = type(owner).__name__
    label = Label(span, "needs what `super().__init__()` sets up", primary=True)
    if blamed is None:
        return _diagnostic(f"`{name}` is used before `Module.__init__` ran", (label,))
    if blamed.call is None:
        message = f"`{blamed.name}` never calls `super().__init__()`"
        second: Label | None = Label(blamed.head, "here it has to be called")
    else:
        message = f"`{blamed.name}` uses `self` as a module before `super().__init__()`"
        where = node_span(blamed.call, blamed.file)
        second = None if where is None else Label(where, "called only here")
    labels = (label,) if second is None else (label, second)
    return _diagnostic(message, labels, blamed, model)


def never_initialised(module: nn.Module, model: LoadedModel) -> Diagnostic:
    """The Diagnostic of a module whose `Module.__init__` never ran, though nothing raised."""
    blamed = _blamed(type(module), None)
    if blamed is None:
        return _diagnostic(f"`{type(module).__name__}` never runs `Module.__init__`", ())
    label = Label(blamed.head, "the base class is never initialised", primary=True)
    return _diagnostic(f"`{blamed.name}` never calls `super().__init__()`", (label,), blamed, model)


def _diagnostic(
    message: str,
    labels: tuple[Label, ...],
    blamed: _Init | None = None,
    model: LoadedModel | None = None,
) -> Diagnostic:
    found = Diagnostic("constructor", Severity.ERROR, message, labels, notes=(_NOTE,))
    if blamed is None or model is None:
        return found
    call = "super().__init__()" if blamed.call is None else ast.unparse(blamed.call)
    advice = tried_help(f"start `__init__` with {call}", blamed.edits(), blamed.file, model)
    return Diagnostic(
        found.rule, found.severity, message, labels, notes=found.notes, help=(advice,)
    )


def _blamed(cls: type, span: SourceSpan | None) -> _Init | None:
    """The first `__init__`, from the class itself to its bases, that breaks the chain of calls.

    Args:
        cls: the class of the module that was not initialised.
        span: where it was used too early: a call below that comes too late.
    """
    for init in _inits(cls):
        if init.call is None:
            return init
        here = span is not None and absolute_path(span.file) == absolute_path(init.file)
        if here and span is not None and init.node.lineno <= span.line < init.call.lineno:
            return init
    return None


def _inits(cls: type) -> Iterator[_Init]:
    for base in cls.__mro__:
        code = getattr(base.__dict__.get("__init__"), "__code__", None)
        if code is None or not is_user_code(code):
            continue
        for node in ast.walk(source_tree(code.co_filename) or ast.Module([], [])):
            if isinstance(node, ast.FunctionDef) and node.lineno == code.co_firstlineno:
                calls = [it for it in ast.walk(node) if isinstance(it, ast.Expr) and _is_init(it)]
                call = calls[0] if calls else None
                yield _Init(f"{base.__name__}.__init__", code.co_filename, node, call)


def _is_init(node: ast.Expr) -> bool:
    """Whether a statement is `super().__init__(...)` or `Base.__init__(self, ...)`."""
    call = node.value
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "__init__"
    )


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
