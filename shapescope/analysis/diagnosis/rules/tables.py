"""The numbers that decide how long a table of positions is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, constructor_of
from shapescope.analysis.code.origins import origins_of
from shapescope.analysis.code.owners import class_node
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.words import shape_text
from shapescope.diagnostic import Label
from shapescope.trace import Trace


def full_shape(trace: Trace, name: str) -> tuple[int, ...]:
    """The shape of a buffer or parameter."""
    for spec in trace.buffers:
        if spec.name == name:
            return ints(spec.shape)
    return next((param.shape for param in trace.params if param.name == name), ())


def scaled(trace: Trace, name: str, rows: int, needed: int) -> Iterator[Proposal]:
    """The numbers a table's length is reckoned from, scaled so that it comes out as needed."""
    found = _class_of(trace, name.rpartition(".")[0])
    function = None if found is None else found[0].method(found[1].name, "__init__")
    if found is None or function is None:
        return
    code = found[0]
    sizes = {size for spec in trace.inputs for size in spec.shape[1:] if isinstance(size, int)}
    defaults = [*function.args.defaults, *(one for one in function.args.kw_defaults if one)]
    for node in defaults:
        if not isinstance(node, ast.Constant) or type(node.value) is not int or node.value < 2:
            continue
        wanted = {size for size in sizes if size > node.value}
        wanted |= {node.value * needed // rows} if node.value * needed % rows == 0 else set()
        for size in sorted(wanted)[:3]:
            yield Proposal(
                f"make room for {needed} positions: {size} for {node.value}",
                (code.replace(node, str(size)),),
                kind="longer",
            )


def table_labels(trace: Trace, name: str) -> Iterator[Label]:
    """Where a table is made: the lines of __init__ that name it with a shape."""
    found = _made_by(trace, name)
    if found is not None:
        text = f"`{name.rpartition('.')[2]}` is {shape_text(full_shape(trace, name))}"
        yield Label(found[0].span(found[1]), text)


def _products_of(trace: Trace, name: str, value: int) -> Iterator[tuple[Code, ast.BinOp]]:
    """Where a product of plain numbers that comes to `value` stands in the making of a table."""
    found = _made_by(trace, name)
    for node in () if found is None else ast.walk(found[1]):
        if found is not None and isinstance(node, ast.BinOp) and _plain_product(node) == value:
            yield found[0], node


def _plain_product(node: ast.expr) -> int | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return None
    left, right = _plain_product(node.left), _plain_product(node.right)
    return None if left is None or right is None else left * right


def _made_by(trace: Trace, name: str) -> tuple[Code, ast.expr] | None:
    """The expression that makes a table, and the code it stands in."""
    path, _, short = name.rpartition(".")
    found = _class_of(trace, path)
    if found is None:
        return None
    code, cls = found
    for node in ast.walk(cls):
        if isinstance(node, ast.Call) and CallSource(code, node).callee == "register_buffer":
            given = [*node.args, *(keyword.value for keyword in node.keywords)][:2]
            named = given and isinstance(given[0], ast.Constant) and given[0].value == short
            if named and len(given) == 2:
                return code, given[1]
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        target = node.targets[0]
        named = (isinstance(target, ast.Name) and target.id == short) or (
            isinstance(target, ast.Attribute) and target.attr == short
        )
        if named and code.text(node.value).split("(")[0].endswith(
            ("zeros", "empty", "randn", "ones", "Parameter", "rand")
        ):
            return code, node.value
    return None


def _class_of(trace: Trace, path: str) -> tuple[Code, ast.ClassDef] | None:
    spec = next((spec for spec in trace.modules if spec.path == path), None)
    return None if spec is None else class_node(trace, spec.class_name)


def constants_of(trace: Trace, path: str, value: int) -> Iterator[tuple[Code, ast.Constant]]:
    """Every place where a number is written that decides on the module at `path`.

    In the arguments it is made with, in the defaults and the body of its __init__, and among the
    constants of the file.
    """
    call = constructor_of(trace, path) if path else None
    if call is not None:
        given = [*call.node.args, *(keyword.value for keyword in call.node.keywords)]
        for argument in given:
            above = path.rpartition(".")[0]
            for origin in origins_of(trace, above, call.code, argument):
                if isinstance(origin.node, ast.Constant) and origin.node.value == value:
                    yield origin.code, origin.node
    found = _class_of(trace, path)
    if found is None:
        return
    code, cls = found
    function = code.method(cls.name, "__init__")
    for part in (function, *[node for node in code.tree.body if isinstance(node, ast.Assign)]):
        if part is None:
            continue
        for node in ast.walk(part):
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value == value:
                yield code, node


def as_long(trace: Trace, name: str, rows: int, needed: int) -> Iterator[Proposal]:
    """The number that decides on the length of a buffer or parameter, as what it meets has it."""
    for code, product in _products_of(trace, name, rows):
        yield Proposal(
            f"make `{name.rpartition('.')[2]}` {needed} long",
            (code.replace(product, str(needed)),),
            kind="longer",
        )
    for code, node in constants_of(trace, name.rpartition(".")[0], rows):
        yield Proposal(
            f"make `{name.rpartition('.')[2]}` {needed} long",
            (code.replace(node, str(needed)),),
            kind="longer",
        )


def longer(constants: list[tuple[Code, ast.Constant]], needed: int) -> Iterator[Proposal]:
    """The table as long as a power of two that holds what arrives."""
    power = 1
    while power < needed:
        power *= 2
    for size in (power, needed):
        for code, node in constants:
            yield Proposal(
                f"make the table {size} long", (code.replace(node, str(size)),), kind="longer"
            )
