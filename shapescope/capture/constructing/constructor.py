"""A model that cannot even be built: what its constructor does wrong, where, and how to mend it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from shapescope.capture.constructing.filled_slices import filled_too_much
from shapescope.capture.constructing.refusals import (
    refused_by_a_layer,
    unknown_argument,
    unknown_name,
)
from shapescope.capture.constructing.trial import tried_help
from shapescope.capture.constructing.uninitialised import used_too_early
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.source import code_span, node_span, traceback_site
from shapescope.diagnostic import Diagnostic, Edit, Label, Severity, ShapescopeError
from shapescope.source_text import class_around

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["constructor_problem"]


def constructor_problem(error: BaseException, model: LoadedModel) -> ShapescopeError:
    """The Diagnostic of a constructor that raised `error`; exit code 1."""
    found = (explain(error, model) for explain in _EXPLAINED)
    known = next((one for one in found if one is not None), None)
    return ShapescopeError(known or _any_error(error, model), exit_code=1)


def _any_error(error: BaseException, model: LoadedModel) -> Diagnostic:
    site = traceback_site(error)
    span = None if site is None else code_span(*site)
    text = f"{type(error).__name__}: {one_line(error)}"
    message = f"`{model.class_name}` cannot be built: {text}"
    if isinstance(error, RecursionError):
        message = f"`{model.class_name}` cannot be built: its constructor calls itself without end"
    elif isinstance(error, SystemExit):
        message = f"`{model.class_name}` cannot be built: its constructor ends the program"
    return Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message=message,
        labels=() if span is None else (Label(span, text, primary=True),),
        detail=str(error),
    )


def _wrong_super(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """`super(OTHER, self)` where OTHER is no class of this object, or not defined at all."""
    site = traceback_site(error)
    span = None if site is None else code_span(*site)
    if site is None or span is None or not isinstance(error, NameError | TypeError):
        return None
    file = site[0].co_filename
    cls = class_around(file, span.line)
    if cls is None:
        return None
    for node in ast.walk(cls):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "super"
            and len(node.args) == 2
            and node.lineno <= span.line <= (node.end_lineno or node.lineno)
            and ast.unparse(node.args[0]) != cls.name
        ):
            break
    else:
        return None
    written = ast.unparse(node)
    where = node_span(node, file)
    if where is None:
        return None
    other = ast.unparse(node.args[0])
    return Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message=f"`{written}` names another class than `{cls.name}`",
        labels=(Label(where, f"this stands in class `{cls.name}`", primary=True),),
        why=(f"python: {one_line(error)}",),
        notes=(
            f"`{other}` is not defined here"
            if isinstance(error, NameError)
            else f"`{cls.name}` does not inherit from `{other}`",
        ),
        help=(tried_help("super().__init__()", (Edit(where, "super()"),), file, model),),
        detail=str(error),
    )


_EXPLAINED = (
    _wrong_super, used_too_early, unknown_name, unknown_argument, refused_by_a_layer,
    filled_too_much,
)  # fmt: skip
