"""Whether a forward walks the time along axis 0 and keeps the batch on axis 1, as its code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapescope.analysis.code import code_of
from shapescope.analysis.code.owners import is_self
from shapescope.analysis.code.source import Code, Function
from shapescope.analysis.diagnosis.intent import BATCH, BATCH_FIRST, TIME, TIME_FIRST
from shapescope.source_text import class_around
from shapescope.trace import Step, Trace

_STEP = re.compile(r"t|ts|tt|tau|(?:time_?)?steps?|time\w*|frame\w*|\w+_t")
_STATE = re.compile(r"zeros|empty|randn|new_\w+|\w*(?:init|state|hidden)\w*")
_MOVES = re.compile(
    r"\b(?:transpose|permute|movedim|moveaxis|swapaxes|swapdims|rearrange|view|reshape|flatten|"
    r"unflatten|stack|unsqueeze|squeeze|t|T|mT)\b"
)


def inputs_are_time_first(trace: Trace, step: Step | None = None) -> bool:
    """Whether the model's own code takes axis 1 of what it is given for the batch, axis 0 for time.

    Read from how the forward, what it calls of its own class and the function around `step` name
    sizes and walk axes (`T, B, _ = x.shape`, `for t in range(x.size(0)): x[t]`): that is how the
    model computes, whatever is fed. Code that says both says nothing.
    """
    said: set[int] = set()
    for function in _functions(trace, step):
        said |= _Reader(function).said | _described(function)
    found = _own_class(trace)
    cls = None if found is None else found[0].classes().get(found[1])
    if cls is not None:
        said |= _described(cls)
    return 1 in said and 0 not in said


def _described(node: Function | ast.ClassDef) -> set[int]:
    """The axes that a docstring gives the batch: `(seq_len, batch, features)`."""
    text = ast.get_docstring(node) or ""
    ways = (BATCH_FIRST, TIME_FIRST)
    return {axis for axis, pattern in enumerate(ways) if pattern.search(text)}


def _functions(trace: Trace, step: Step | None) -> Iterator[Function]:
    """The forward of the model's class, the methods it calls, and the function around a step."""
    seen: list[Function] = []
    span = None if step is None else step.call_site
    code = None if span is None else code_of(span.file)
    node = None if span is None or code is None else code.at(span)
    around = None if node is None or code is None else code.function(node)
    if around is not None:
        seen.append(around)
    found = _own_class(trace)
    waiting = [] if found is None else ["forward"]
    asked: set[str] = set()
    while waiting and found is not None:
        name = waiting.pop()
        asked.add(name)
        function = found[0].method(found[1], name)
        if function is None:
            continue
        seen.append(function)
        called = (it.func for it in ast.walk(function) if isinstance(it, ast.Call))
        waiting += [
            it.attr
            for it in called
            if isinstance(it, ast.Attribute) and is_self(it.value) and it.attr not in asked
        ]
    yield from {id(function): function for function in seen}.values()


def _own_class(trace: Trace) -> tuple[Code, str] | None:
    """The model's own class and the code it stands in, where they can be read."""
    name = next((spec.class_name for spec in trace.modules if not spec.path), "")
    for step in trace.steps:
        span = step.call_site if step.parent == 0 else None
        cls = None if span is None else class_around(span.file, span.line)
        if cls is not None and span is not None and cls.name == name:
            code = code_of(span.file)
            return None if code is None else (code, name)
    return None


class _Reader:
    """Reads a function: `said` holds the axes of its arguments that it takes for the batch."""

    def __init__(self, function: Function) -> None:
        self.said: set[int] = set()
        arguments = function.args
        self.given = {it.arg for it in (*arguments.posonlyargs, *arguments.args)} - {"self"}
        self.lengths: dict[str, int] = {}
        self.ranges: dict[str, int] = {}
        self.walked: list[str] = []
        self.states = False
        for node in sorted(_statements(function), key=lambda it: (it.lineno, it.col_offset)):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                self._assign(node.targets[0], node.value)
            elif isinstance(node, ast.For):
                self._loop(node)
            elif isinstance(node, ast.Call):
                self._call(node)
        if self.walked and (self.states or any(_STEP.fullmatch(it) for it in self.walked)):
            self.said.add(1)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self._assign(one, other)
            elif self._is_shape(value):
                names = [it.id if isinstance(it, ast.Name) else "" for it in target.elts]
                self._name_axes(names)
            return
        if not isinstance(target, ast.Name):
            return
        axis, walked = self._axis(value), self._range(value)
        if axis is not None:
            self.lengths[target.id] = axis
            self._name_axis(target.id, axis)
        elif walked is not None:
            self.ranges[target.id] = walked
        elif isinstance(value, ast.Name) and value.id in self.given:
            self.given.add(target.id)
        elif target.id in self.given and _MOVES.search(ast.unparse(value)):
            self.given.discard(target.id)

    def _name_axes(self, names: list[str]) -> None:
        first, second = (*names, "", "")[:2]
        self.lengths.update({name: axis for axis, name in enumerate(names) if name})
        if re.fullmatch(rf"{BATCH}|b", first):
            self.said.add(0)
        elif re.fullmatch(rf"{TIME}|[tsl]", first) and re.fullmatch(rf"{BATCH}|b", second):
            self.said.add(1)

    def _name_axis(self, name: str, axis: int) -> None:
        if axis > 1:
            return
        if re.fullmatch(BATCH, name):
            self.said.add(axis)
        elif re.fullmatch(TIME, name):
            self.said.add(1 - axis)

    def _loop(self, node: ast.For) -> None:
        """A loop over axis 0 that takes its entries one by one."""
        walked = self._range(node.iter)
        if walked is None and isinstance(node.iter, ast.Name):
            walked = self.ranges.get(node.iter.id)
        if walked != 0 or not isinstance(node.target, ast.Name):
            return
        name = node.target.id
        for it in ast.walk(node):
            if not isinstance(it, ast.Subscript) or not isinstance(it.value, ast.Name):
                continue
            index = it.slice
            while isinstance(index, ast.Tuple) and index.elts:
                index = index.elts[0]
            if it.value.id in self.given and isinstance(index, ast.Name) and index.id == name:
                self.walked.append(name)

    def _call(self, node: ast.Call) -> None:
        callee = ast.unparse(node.func).rpartition(".")[2]
        if callee == "einsum" and node.args and isinstance(node.args[0], ast.Constant):
            first = str(node.args[0].value).replace(" ", "").split(",")[0]
            if first.find("b") in (0, 1):
                self.said.add(first.find("b"))
        elif _STATE.fullmatch(callee) and any(self._axis(it) == 1 for it in node.args):
            self.states = True

    def _is_shape(self, node: ast.expr) -> bool:
        """Whether this is all sizes of an argument."""
        found = re.fullmatch(r"(\w+)\.(?:size\(\)|shape)", ast.unparse(node))
        return found is not None and found[1] in self.given

    def _axis(self, node: ast.expr) -> int | None:
        """The axis of an argument whose size this is, or that size and a number."""
        if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
            if not isinstance(node.op, ast.Add | ast.Sub):
                return None
            node = node.left
        if isinstance(node, ast.Name):
            return self.lengths.get(node.id)
        found = re.fullmatch(
            r"(?:(\w+)\.(?:size\((\d)\)|shape\[(\d)\])|len\((\w+)\))", ast.unparse(node)
        )
        if found is None or (found[1] or found[4]) not in self.given:
            return None
        return int(found[2] or found[3] or 0)

    def _range(self, node: ast.expr) -> int | None:
        """The axis of an argument along which a range runs."""
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "range" or not node.args:
            return None
        return self._axis(node.args[min(len(node.args), 2) - 1])


def _statements(function: Function) -> Iterator[ast.Assign | ast.For | ast.Call]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.For | ast.Call):
            yield node
