"""Calls in the user's source: their arguments by torch's names, and edits of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from shapescope.analysis.code.signatures import SIGNATURES
from shapescope.analysis.code.source import Code, expression_at
from shapescope.diagnostic import Edit
from shapescope.syntax import callee_of
from shapescope.trace import SourceSpan

_METHODS = frozenset(
    {
        "softmax",
        "log_softmax",
        "flatten",
        "squeeze",
        "unsqueeze",
        "mean",
        "sum",
        "std",
        "var",
        "transpose",
    }
)


@dataclass(frozen=True, slots=True)
class CallSource:
    """A call as it is written."""

    code: Code
    node: ast.Call

    @property
    def callee(self) -> str:
        """The last name of what is called: `Conv2d` of `nn.Conv2d(...)`."""
        return callee_of(self.node)

    @property
    def span(self) -> SourceSpan:
        """The whole call."""
        return self.code.span(self.node)

    @property
    def text(self) -> str:
        """The whole call as it is written."""
        return self.code.text(self.node)

    @property
    def receiver(self) -> ast.expr | None:
        """What a method is called on: `x` of `x.view(-1)`; a module such as `torch` is none."""
        function = self.node.func
        if not isinstance(function, ast.Attribute):
            return None
        known = {"torch", "nn", "F", "functional"}
        root = function.value
        while isinstance(root, ast.Attribute):
            root = root.value
        spelled = isinstance(root, ast.Name) and (
            root.id in known or self.code.module_name("torch.nn.functional") == root.id
        )
        return None if spelled else function.value

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the positional arguments, as far as known."""
        names = tuple(SIGNATURES.get(self.callee, "").split())
        if self.callee in _METHODS and self.receiver is not None:
            return names[1:]
        return names

    def argument(self, name: str) -> ast.expr | None:
        """The argument of that name, given by position or by keyword."""
        for keyword in self.node.keywords:
            if keyword.arg == name or (name == "dim" and keyword.arg == "axis"):
                return keyword.value
        names = self.parameters
        if name in names:
            position = names.index(name)
            given = self.node.args[: position + 1]
            if len(given) > position and not any(isinstance(arg, ast.Starred) for arg in given):
                return given[position]
        return None

    def set(self, name: str, text: str) -> Edit:
        """An edit that gives the argument another value, or adds it as a keyword."""
        there = self.argument(name)
        if there is not None:
            return self.code.replace(there, text)
        return self._append(f"{name}={text}")

    def _append(self, text: str) -> Edit:
        end = self.span
        written = [*self.node.args, *(keyword.value for keyword in self.node.keywords)]
        column = end.end_column - 1
        if not written:
            place = SourceSpan(end.file, end.end_line, column, end.end_line, column)
            return Edit(place, text)
        last = self.code.span(written[-1])
        place = SourceSpan(
            last.file, last.end_line, last.end_column, last.end_line, last.end_column
        )
        return Edit(place, f", {text}")

    def with_argument(self, name: str, text: str) -> str:
        """The call as it reads with the argument changed; one line."""
        edit = self.set(name, text)
        start, whole = self.span, self.text
        lines = whole.split("\n")
        line = edit.span.line - start.line
        shift = start.column - 1 if line == 0 else 0
        column, end_column = edit.span.column - 1 - shift, edit.span.end_column - 1
        end_line = edit.span.end_line - start.line
        end_column -= start.column - 1 if end_line == 0 else 0
        before = "\n".join([*lines[:line], lines[line][:column]])
        after = "\n".join([lines[end_line][end_column:], *lines[end_line + 1 :]])
        return " ".join((before + edit.replacement + after).split())


def call_at(span: SourceSpan | None) -> CallSource | None:
    """The call that a span covers exactly."""
    found = expression_at(span)
    if found is None or not isinstance(found[1], ast.Call):
        return None
    return CallSource(found[0], found[1])


def operand_texts(span: SourceSpan | None, count: int) -> tuple[str | None, ...]:
    """How the first `count` tensors that go into a call or an operator are written.

    A tensor that is no short expression of its own is None.
    """
    nodes = operand_nodes(span)
    if nodes is None:
        return (None,) * count
    code, operands = nodes
    texts = tuple(_short(code, operand) for operand in operands[:count])
    return texts + (None,) * (count - len(texts))


def operand_nodes(span: SourceSpan | None) -> tuple[Code, list[ast.expr]] | None:
    """The expressions that go into a call or an operator, in order, those of a list each."""
    found = expression_at(span)
    if found is None:
        return None
    code, node = found
    if isinstance(node, ast.BinOp):
        return code, [node.left, node.right]
    if isinstance(node, ast.AugAssign):
        return code, [node.target, node.value]
    if isinstance(node, ast.Subscript):
        return code, [node.value]
    if not isinstance(node, ast.Call):
        return None
    call = CallSource(code, node)
    if call.callee in _JOINING and not any(isinstance(arg, _LISTS) for arg in node.args):
        return None  # a list made elsewhere: its tensors are not written here
    given = [arg for arg in node.args if not isinstance(arg, ast.Starred) and not _is_plain(arg)]
    named = [keyword.value for keyword in node.keywords if keyword.arg in ("input", "tensors", "x")]
    receiver = call.receiver
    first = receiver if receiver is not None and _is_tensor_method(code, node) else None
    operands: list[ast.expr] = [first] if first is not None else []
    for value in [*given, *named]:
        operands += value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    return code, operands


_JOINING = frozenset({"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"})
_LISTS = (ast.List, ast.Tuple)


def _is_plain(node: ast.expr) -> bool:
    """Whether an argument is no tensor: a number, or a string as the equation of an einsum."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant)


def _is_tensor_method(code: Code, node: ast.Call) -> bool:
    """Whether a call's receiver is a tensor, not `self` or one of its modules."""
    function = node.func
    if not isinstance(function, ast.Attribute):
        return False
    if isinstance(function.value, ast.Name) and function.value.id in ("self", "super"):
        return False
    return function.attr in _TENSOR_METHODS


_TENSOR_METHODS = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "squeeze",
        "unsqueeze",
        "permute",
        "transpose",
        "contiguous",
        "matmul",
        "mm",
        "bmm",
        "add",
        "mul",
        "sub",
        "div",
        "mean",
        "sum",
        "softmax",
        "log_softmax",
        "view_as",
        "reshape_as",
        "expand",
        "repeat",
        "chunk",
        "split",
        "unfold",
        "t",
        "expand_as",
        "masked_fill",
        "max",
        "min",
        "unflatten",
        "swapaxes",
        "movedim",
        "add_",
        "mul_",
        "sub_",
        "div_",
        "dot",
        "norm",
        "cumsum",
        "argmax",
        "index_select",
        "gather",
        "narrow",
        "select",
    ]
)


def _short(code: Code, node: ast.expr) -> str | None:
    text = " ".join(code.text(node).split())
    return text if len(text) <= 30 else None
