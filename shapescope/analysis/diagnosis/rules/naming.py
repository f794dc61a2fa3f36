"""Names that forward reads and nothing defines: a typo, a forgotten `self.`, an absent import."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapescope.analysis.code import Code, expression_at
from shapescope.analysis.code.owners import is_self
from shapescope.analysis.code.spelling import nearly_alike
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.words import primary
from shapescope.diagnostic import Edit
from shapescope.ops import registered
from shapescope.trace import SourceSpan

UNKNOWN_NAME = declare("unknown-name", "forward reads a name that nothing defines")

_IMPORTS = {
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
    "np": "import numpy as np",
    "math": "import math",
    "torchvision": "import torchvision",
    "rearrange": "from einops import rearrange",
    "checkpoint": "from torch.utils.checkpoint import checkpoint",
}
_TENSOR = (
    "shape", "size", "dim", "ndim", "dtype", "device", "numel", "item", "detach", "clone", "float",
    "long", "half", "cpu", "cuda", "requires_grad_", "data", "T", "is_cuda", "tolist", "backward",
)  # fmt: skip
_MOST_NAMED = 8
_MISSING = re.compile(r"has no attribute '(\w+)'")
_ALIKE = 0.65


@failing("module")
def unknown_name(case: Case) -> Iterator[Finding]:
    """The name, what is called nearly so, and the edits that would mean that instead."""
    failure = case.trace.failure
    if failure is None or failure.exception not in ("AttributeError", "NameError"):
        return
    found = expression_at(failure.call_site)
    if found is None or failure.call_site is None:
        return
    code, node = found
    node = node.func if isinstance(node, ast.Call) else node
    span = code.span(node) if isinstance(node, ast.expr) else failure.call_site
    if isinstance(node, ast.Attribute) and failure.exception == "AttributeError":
        missing = missing_attribute(failure.message)
        if missing is not None and missing != node.attr:
            return  # code that this line calls into looks for it
        if is_self(node.value):
            yield _of_self(case, code, node, span)
        elif isinstance(node.value, ast.Name | ast.Call | ast.Attribute):
            yield _of_a_value(case, code, node, span)
    elif isinstance(node, ast.Name) and failure.exception == "NameError":
        yield _plain_name(case, code, node, span)


def missing_attribute(text: str) -> str | None:
    """The attribute that an AttributeError with this text did not find, where it says so."""
    found = _MISSING.search(text)
    return None if found is None else found[1]


def _of_self(case: Case, code: Code, node: ast.Attribute, span: SourceSpan) -> Finding:
    cls = code.class_of(node)
    path = "" if case.failed is None else case.failed.path
    children = _children(case, path)
    known = [*children, *_attributes(cls)]
    spare = [name for name in known if cls is None or name not in _read(cls)]
    # A layer that another line calls already is hardly what this one means.
    close = nearly_alike(node.attr, spare, _ALIKE) or (
        nearly_alike(node.attr, known, _ALIKE) if not children else []
    )
    owner = "the model" if cls is None else f"`{cls.name}`"
    made = {spec.path: spec.defined_at for spec in case.trace.modules}
    prefix = f"{path}." if path else ""
    return finding(
        UNKNOWN_NAME,
        f"{owner} has no attribute `{node.attr}`",
        step=case.failed,
        labels=(
            primary(span, f"nothing sets `self.{node.attr}`"),
            *(label(made.get(prefix + name), f"`{name}` is made here") for name in close[:1]),
        ),
        notes=(_listing(children, owner),),
        proposals=(
            Proposal(f"call it `self.{name}`", (code.replace(node, f"self.{name}"),))
            for name in close
        ),
        detail=_detail(case),
    )


def _of_a_value(case: Case, code: Code, node: ast.Attribute, span: SourceSpan) -> Finding:
    written = " ".join(code.text(node.value).split())
    names = (*(op.name for op in registered()), *_TENSOR)
    shown = f"`{written}`" if len(written) <= 40 else "this"
    return finding(
        UNKNOWN_NAME,
        f"{shown} has no attribute `{node.attr}`",
        step=case.failed,
        labels=(primary(span, f"nothing is called `{node.attr}` there"),),
        proposals=(
            Proposal(f"call it `{name}`", (code.replace(node, f"{code.text(node.value)}.{name}"),))
            for name in nearly_alike(node.attr, names, _ALIKE)
        ),
        detail=_detail(case),
    )


def _plain_name(case: Case, code: Code, node: ast.Name, span: SourceSpan) -> Finding:
    name = node.id
    cls, function = code.class_of(node), code.function(node)
    path = "" if case.failed is None else case.failed.path
    own = [*_children(case, path), *_attributes(cls)]
    made = {spec.path: spec.defined_at for spec in case.trace.modules}
    local = [] if function is None else _bound(function)
    proposals = []
    notes = []
    if name in own:
        edit = code.replace(node, f"self.{name}")
        proposals.append(Proposal(f"say `self.{name}`", (edit,)))
        notes.append(f"`{name}` belongs to the module: inside its methods it is `self.{name}`")
    if name in _IMPORTS:
        proposals.append(Proposal(_IMPORTS[name], (_at_top(code, _IMPORTS[name]),)))
        notes.append(f"no line of {code.file.rpartition('/')[2]} imports or sets `{name}`")
    proposals += [
        Proposal(f"call it `{other}`", (code.replace(node, other),))
        for other in nearly_alike(name, local, _ALIKE)
    ]
    place = f"{path}.{name}" if path else name
    return finding(
        UNKNOWN_NAME,
        f"`{name}` is not defined",
        step=case.failed,
        labels=(
            primary(span, f"nothing called `{name}` is in reach here"),
            label(made.get(place), f"`self.{name}` is made here"),
        ),
        notes=notes,
        proposals=proposals,
        detail=_detail(case),
    )


def _detail(case: Case) -> str:
    return "" if case.trace.failure is None else case.trace.failure.message


def _children(case: Case, path: str) -> list[str]:
    """The names of the modules right below one."""
    prefix = f"{path}." if path else ""
    below = [
        spec.path[len(prefix) :]
        for spec in case.trace.modules
        if spec.path.startswith(prefix) and spec.path
    ]
    return [name for name in below if name and "." not in name]


def _attributes(cls: ast.ClassDef | None) -> list[str]:
    """Methods of a class, and what it sets on self, in order."""
    if cls is None:
        return []
    found: dict[str, None] = {}
    for node in ast.walk(cls):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            found[node.name] = None
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found[node.attr] = None
    return list(found)


def _read(cls: ast.ClassDef) -> set[str]:
    """What methods of a class read of self."""
    return {
        node.attr
        for node in ast.walk(cls)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The parameters and variables of a function."""
    arguments = function.args
    names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names += [
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return [name for name in dict.fromkeys(names) if name != "self"]


def _listing(children: list[str], owner: str) -> str | None:
    if not children:
        return None
    shown = ", ".join(children[:_MOST_NAMED])
    more = len(children) - _MOST_NAMED
    return f"the layers of {owner} are {shown}" + (f" and {more} more" if more > 0 else "")


def _at_top(code: Code, line: str) -> Edit:
    """The edit that adds an import behind the last one at the top of a file."""
    imports = [node for node in code.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    if imports:
        return code.insert_after(imports[-1], line)
    return code.insert_before(code.tree.body[0], line)
