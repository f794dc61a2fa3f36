"""A model that cannot even be built: what its constructor does wrong, where, and how to mend it."""

from __future__ import annotations

import ast
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from torch import nn

from shapescope.capture.building import build_module
from shapescope.capture.import_errors import one_line
from shapescope.capture.source import code_span, is_user_code, node_span, traceback_site
from shapescope.diagnostic import Diagnostic, Edit, Help, Label, Severity, ShapescopeError
from shapescope.source_text import absolute_path, display_path, source_text, source_tree
from shapescope.trace import SourceSpan

if TYPE_CHECKING:
    from shapescope.capture.loader import LoadedModel

__all__ = ["constructor_problem", "never_initialised"]


def constructor_problem(error: BaseException, model: LoadedModel) -> ShapescopeError:
    """The Diagnostic of a constructor that raised `error`; exit code 1."""
    found = _wrong_super(error, model) or _not_initialised_yet(error, model)
    return ShapescopeError(found or _any_error(error, model), exit_code=1)


def never_initialised(module: nn.Module, model: LoadedModel) -> ShapescopeError:
    """The Diagnostic of a module whose `Module.__init__` never ran, though nothing raised."""
    for cls in type(module).__mro__:
        code = getattr(cls.__dict__.get("__init__"), "__code__", None)
        if code is not None and is_user_code(code):
            place = _class_around(code.co_filename, code.co_firstlineno)
            if place is not None:
                return ShapescopeError(_missing_init(*place, None, model), exit_code=1)
    name = type(module).__name__
    return ShapescopeError(
        Diagnostic("constructor", Severity.ERROR, f"`{name}` never calls `Module.__init__`"),
        exit_code=1,
    )


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
    place = _class_around(file, span.line)
    if place is None:
        return None
    cls = place[1]
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
        help=(_checked_help("super().__init__()", (Edit(where, "super()"),), file, model),),
        detail=str(error),
    )


def _not_initialised_yet(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """A layer assigned before `super().__init__()` ran, if it ever does."""
    site = traceback_site(error)
    if site is None or not isinstance(error, AttributeError):
        return None
    frame = _frame_of(error)
    if frame is None or not frame.f_code.co_argcount:
        return None
    owner = frame.f_locals.get(frame.f_code.co_varnames[0])
    if not isinstance(owner, nn.Module) or "_modules" in owner.__dict__:
        return None
    span = code_span(*site)
    place = None if span is None else _class_around(site[0].co_filename, span.line)
    return None if place is None else _missing_init(*place, span, model)


def _frame_of(error: BaseException) -> FrameType | None:
    """The innermost frame of the user's that the exception came through."""
    found, entry = None, error.__traceback__
    while entry is not None:
        if is_user_code(entry.tb_frame.f_code):
            found = entry.tb_frame
        entry = entry.tb_next
    return found


def _missing_init(
    file: str, cls: ast.ClassDef, span: SourceSpan | None, model: LoadedModel
) -> Diagnostic:
    """The Diagnostic of a class that calls `super().__init__()` too late or not at all."""
    function = next(
        (
            node
            for node in cls.body
            if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        ),
        None,
    )
    name = f"{cls.name}.__init__"
    if function is None:
        where = () if span is None else (Label(span, "here", primary=True),)
        return Diagnostic(
            "constructor", Severity.ERROR, f"`{cls.name}` never runs `Module.__init__`", where
        )
    late = next((node for node in function.body if _is_super_init(node)), None)
    first = next((node for node in function.body if not _is_docstring(node)), function.body[-1])
    head = SourceSpan(
        display_path(file),
        function.lineno,
        function.col_offset + 1,
        function.lineno,
        function.col_offset + 1 + len("def __init__"),
    )
    if span is None:
        message = f"`{name}` does not call `super().__init__()`"
        labels: tuple[Label, ...] = (
            Label(head, "the base class is never initialised", primary=True),
        )
    else:
        message = f"`{name}` uses `self` as a module before `super().__init__()`"
        labels = (Label(span, "needs what `super().__init__()` sets up", primary=True),)
        if late is not None:
            later = node_span(late, file)
            labels += () if later is None else (Label(later, "called only here"),)
        else:
            labels += (Label(head, "never calls `super().__init__()`"),)
    call = "super().__init__()" if late is None else ast.unparse(late)
    edits = _moved_to_front(file, call, first, late)
    return Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message=message,
        labels=labels,
        notes=("torch.nn.Module keeps layers in tables that its `__init__` makes",),
        help=(_checked_help(f"start `__init__` with {call}", edits, file, model),),
    )


def _moved_to_front(
    file: str, call: str, first: ast.stmt, late: ast.stmt | None
) -> tuple[Edit, ...]:
    """The edits that make `call` the first statement, and take it away where it stands now."""
    shown = display_path(file)
    column = first.col_offset + 1
    start = SourceSpan(shown, first.lineno, column, first.lineno, column)
    edits = [Edit(start, call + "\n" + " " * first.col_offset)]
    if late is not None:
        end = late.end_lineno or late.lineno
        edits.append(Edit(SourceSpan(shown, late.lineno, 1, end + 1, 1), ""))
    return tuple(edits)


def _is_super_init(node: ast.stmt) -> bool:
    """Whether a statement is `super().__init__(...)` or `Base.__init__(self, ...)`."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    return isinstance(node.value.func, ast.Attribute) and node.value.func.attr == "__init__"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _class_around(file: str, line: int) -> tuple[str, ast.ClassDef] | None:
    """The innermost class definition around a line, with its file."""
    tree = source_tree(file)
    if tree is None:
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.lineno <= line <= (node.end_lineno or line)
    ]
    return (file, max(around, key=lambda node: node.lineno)) if around else None


def _checked_help(message: str, edits: tuple[Edit, ...], file: str, model: LoadedModel) -> Help:
    """A help whose edits are kept where the model can be built with them."""
    text = source_text(file)
    if text is None or model.code is None:
        return Help(message)
    problem = _build_edited(model, file, _edited(text, edits))
    if problem is None:
        return Help(message, edits, verified=True)
    # What fails now is another fault: this one is mended, but nothing is proved yet.
    moved_on = not isinstance(problem, SyntaxError)
    return Help(message, edits if moved_on else ())


def _edited(text: str, edits: tuple[Edit, ...]) -> str:
    """The text with the edits in it; they do not overlap."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        begin = starts[edit.span.line - 1] + edit.span.column - 1
        end = starts[edit.span.end_line - 1] + edit.span.end_column - 1
        text = text[:begin] + edit.replacement + text[end:]
    return text


def _build_edited(model: LoadedModel, file: str, text: str) -> BaseException | None:
    """What building the model from the edited text raises."""
    from shapescope.capture.loader import load

    try:
        edited = load(model.spec, overrides={**model.overrides, Path(absolute_path(file)): text})
        with edited.environment():
            built = build_module(edited.make)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # returned, and judged by the caller
        return error
    return None if "_modules" in built.module.__dict__ else AttributeError("not initialised")
