"""A constructor that fills part of a table with more, or fewer, columns than the part has."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from shapescope.analysis.code.source import code_of
from shapescope.capture.constructing.trial import tried_help
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.source import code_span, traceback_site
from shapescope.diagnostic import Diagnostic, Help, Label, Severity

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["filled_too_much"]

_SIZES = re.compile(
    r"expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\) "
    r"at non-singleton dimension (\d+)"
)


def filled_too_much(error: BaseException, model: LoadedModel) -> Diagnostic | None:
    """`pe[:, 1::2] = torch.cos(...)` of an odd width: the odd columns are one fewer."""
    site, sizes = traceback_site(error), _SIZES.search(str(error))
    span = None if site is None else code_span(*site)
    code = None if span is None else code_of(span.file)
    if site is None or span is None or code is None or sizes is None:
        return None
    room, given, axis = map(int, sizes.groups())
    statement = next(
        (
            node
            for node in ast.walk(code.tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Subscript)
            and node.lineno <= span.line <= (node.end_lineno or node.lineno)
        ),
        None,
    )
    if statement is None:
        return None
    target, value = code.text(statement.targets[0]), code.text(statement.value)
    plain = isinstance(statement.value, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    cut = f"[{', '.join([':'] * axis + [f':{target}.shape[{axis}]'])}]"
    helps: tuple[Help, ...] = ()
    if given > room:
        edit = code.replace(statement.value, (value if plain else f"({value})") + cut)
        helps = (tried_help(f"take the first {room}", (edit,), code.file, model),)
    return Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message=f"`{target}` has room for {room} along axis {axis}, but {given} are assigned",
        labels=(
            Label(code.span(statement.targets[0]), f"{room} along axis {axis}", primary=True),
            Label(code.span(statement.value), f"{given} along axis {axis}"),
        ),
        notes=("of an odd width, the odd columns are one fewer than the even ones",)
        if given == room + 1 and "::2" in target.replace(" ", "")
        else (),
        help=helps,
        detail=one_line(error),
    )
