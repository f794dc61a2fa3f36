"""Maps collected in a list and joined later: resized where they are put in."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import code_of
from shapescope.analysis.code.source import Code, Function
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.resample import functional_name
from shapescope.trace import Step


def resize_listed(
    way: Sequence[Step], sizes: Sequence[int], wanted: Sequence[int]
) -> Iterator[Proposal]:
    """`out.append(F.interpolate(branch(x), size=x.shape[2:]))` for what is smaller than `x`.

    Args:
        way: to the tensor in the list.
        sizes: of it.
        wanted: of the map it shall be as large as.
    """
    for step in reversed(way):
        if not step.outputs or tuple(step.outputs[0].shape) != tuple(sizes):
            return
        span = step.call_site
        code = None if span is None else code_of(span.file)
        node = None if code is None or span is None else code.at(span)
        if code is None or not isinstance(node, ast.expr):
            return
        appended = code.parent(node)
        if not isinstance(appended, ast.Call) or not _is_append(appended):
            continue
        functional, function = functional_name(code), code.function(node)
        if functional is None or function is None:
            return
        for name in _first_entries(code, function, appended):
            text = f"{functional}.interpolate({code.text(node)}, size={name}.shape[2:])"
            yield Proposal(
                f"resize each to `{name}`, {' x '.join(map(str, wanted[2:]))}, before it is joined",
                (code.replace(node, text),),
                kind="join",
            )
        return


def _is_append(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "append"


def _first_entries(code: Code, function: Function, appended: ast.Call) -> Iterator[str]:
    """The names that the list holds from the start: `out = [x]`; else forward's first argument."""
    target = appended.func.value if isinstance(appended.func, ast.Attribute) else None
    name = target.id if isinstance(target, ast.Name) else ""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.List):
            continue
        if any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            for entry in node.value.elts:
                if isinstance(entry, ast.Name):
                    yield entry.id
    arguments = [arg.arg for arg in function.args.args if arg.arg != "self"]
    yield from arguments[:1]
