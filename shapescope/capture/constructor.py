"""A model that cannot even be built: what its constructor did wrong, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from shapescope.capture.import_errors import one_line
from shapescope.capture.source import code_span, traceback_site
from shapescope.diagnostic import Diagnostic, Label, Severity, ShapescopeError

if TYPE_CHECKING:
    from shapescope.capture.loader import LoadedModel

__all__ = ["constructor_problem", "never_initialised"]


def constructor_problem(error: BaseException, model: LoadedModel) -> ShapescopeError:
    """The Diagnostic of a constructor that raised `error`; exit code 1."""
    text = f"{type(error).__name__}: {one_line(error)}"
    site = traceback_site(error)
    span = None if site is None else code_span(*site)
    labels = () if span is None else (Label(span, text, primary=True),)
    return ShapescopeError(
        Diagnostic(
            rule="constructor",
            severity=Severity.ERROR,
            message=f"`{model.class_name}` cannot be built: {text}",
            labels=labels,
            detail=str(error),
        ),
        exit_code=1,
    )


def never_initialised(module: nn.Module, model: LoadedModel) -> ShapescopeError:
    """The Diagnostic of a class whose `__init__` does not call `super().__init__()`."""
    return ShapescopeError(
        Diagnostic(
            rule="constructor",
            severity=Severity.ERROR,
            message=f"`{type(module).__name__}.__init__` never calls `super().__init__()`",
        ),
        exit_code=1,
    )
