"""A loop that makes layers and forgets to hand the width of one on to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, Origin, constructor_of, origins_of, value_of
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.trace import Step, Trace

_PAIRS = (("in_channels", "out_channels"), ("in_features", "out_features"))


def carry_on(trace: Trace, step: Step, argument: str, arriving: int) -> Iterator[Proposal]:
    """`self.width = out` where blocks are made, each of the width before it: the next one's.

    At the end of a loop; or behind the first block of a stage, where a method makes each stage.

    Args:
        trace: tells how the modules lie in one another.
        step: a layer inside one of the blocks.
        argument: of its constructor, that was handed on from the loop.
        arriving: what it should have been: what the block before makes.
    """
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    node = None if call is None else call.argument(argument)
    if call is None or node is None:
        return
    for origin in origins_of(trace, step.path, call.code, node)[1:]:
        made = origin.code.parent(origin.node)
        if origin.kind != "argument" or not isinstance(made, ast.Call):
            continue
        block = CallSource(origin.code, made)
        taken = origin.code.text(origin.node)
        last = _last_statement(block, origin.node)
        if last is None:
            continue
        alike = [spec.path for spec in trace.modules if spec.defined_at == block.span]
        for other in made.args:
            same = other is origin.node or isinstance(other, ast.Constant)
            values = {
                value_of(trace, path, origin.code, other) for path in (step.path, *alike)
            }  # the stage before was made by the same line
            if not same and arriving in values:
                line = f"{taken} = {origin.code.text(other)}"
                yield Proposal(
                    f"hand the width on to the next block: `{line}`",
                    (origin.code.insert_after(last, line),),
                    kind="loop",
                )


def _last_statement(block: CallSource, taken: ast.expr) -> ast.stmt | None:
    """Behind which statement the width that a block was given may be set for the next one."""
    loop = loop_around(block)
    if loop is not None:
        return loop.body[-1] if isinstance(taken, ast.Name | ast.Attribute) else None
    function, statement = block.code.function(block.node), block.code.statement(block.node)
    if function is None or function.name == "__init__" or not isinstance(taken, ast.Attribute):
        return None
    set_there = any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and node.attr == taken.attr
        for node in ast.walk(function)
    )
    return None if set_there or isinstance(statement, ast.Return) else statement


def handed_on(trace: Trace, step: Step, argument: str, arriving: int) -> Iterator[Proposal]:
    """`self.width = planes * 4` where blocks that make four times as much hand on `planes`.

    Args:
        trace: tells how the modules lie in one another.
        step: a layer of a block.
        argument: of its constructor.
        arriving: what it should have been.
    """
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    node = None if call is None else call.argument(argument)
    known = getattr(step.attrs, argument, None)
    if call is None or node is None or not isinstance(known, int) or known < 1 or arriving % known:
        return
    for origin in origins_of(trace, step.path, call.code, node):
        function = origin.code.function(origin.node)
        if function is None or not isinstance(origin.node, ast.Attribute):
            continue
        for one in ast.walk(function):
            if not isinstance(one, ast.Assign) or isinstance(one.value, ast.Constant):
                continue
            if ast.unparse(one.targets[0]) == ast.unparse(origin.node):
                text = f"{origin.code.text(one.value)} * {arriving // known}"
                yield Proposal(
                    f"hand on what a block makes: `{ast.unparse(origin.node)} = {text}`",
                    (origin.code.replace(one.value, text),),
                    kind="loop",
                )


def carry_width(trace: Trace, step: Step) -> Iterator[Proposal]:
    """`in_channels = width` at the end of the loop whose layers all take the first width.

    Or `+=`, where each layer's channels are joined to those it was given.
    """
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    loop = None if call is None else loop_around(call)
    if call is None or loop is None:
        return
    set_there = {
        node.id
        for node in ast.walk(loop)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for given, made in _PAIRS:
        taken, width = call.argument(given), call.argument(made)
        if not isinstance(taken, ast.Name) or width is None or taken.id in set_there:
            continue
        for sign in ("=", "+="):
            line = f"{taken.id} {sign} {call.code.text(width)}"
            yield Proposal(
                f"hand the width on to the next layer: `{line}`",
                (call.code.insert_after(loop.body[-1], line),),
                kind="loop",
            )


def along_the_loop(trace: Trace, path: str, name: str, value: int) -> Iterator[tuple[Origin, str]]:
    """A number that is another one in each turn of a loop, as a multiple of what is written.

    `double(w, w)` in a loop over the widths, where 128 arrive for a `w` of 64, as `w * 2`.

    Args:
        trace: tells how the modules lie in one another.
        path: of the layer.
        name: of its constructor's argument.
        value: what it should be.
    """
    call = constructor_of(trace, path)
    node = None if call is None else call.argument(name)
    attrs = next((step.attrs for step in trace.steps if step.path == path), None)
    known = getattr(attrs, name, None)
    if call is None or node is None or not isinstance(known, int) or known < 1:
        return
    for origin in origins_of(trace, path, call.code, node):
        loop = _turns_with(origin.code, origin.node)
        if loop is None:
            continue
        text = origin.code.text(origin.node)
        plain = isinstance(origin.node, ast.Name | ast.Subscript | ast.Attribute)
        if value % known == 0 and value > known:
            yield origin, f"{text if plain else f'({text})'} * {value // known}"
        elif known % value == 0 and known > value:
            halved = _without_factor(origin, known // value)
            yield origin, halved or f"{text if plain else f'({text})'} // {known // value}"


def running_index(trace: Trace, step: Step) -> Iterator[Proposal]:
    """`sizes[i]` for a `sizes[0]` beside `sizes[i + 1]`: the width of the layer before."""
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    loop = None if call is None else loop_around(call)
    if call is None or loop is None or not isinstance(loop.target, ast.Name):
        return
    for given, made in _PAIRS:
        taken, width = call.argument(given), call.argument(made)
        if not isinstance(taken, ast.Subscript) or not isinstance(width, ast.Subscript):
            continue
        fixed = isinstance(taken.slice, ast.Constant)
        same = ast.unparse(taken.value) == ast.unparse(width.value)
        counted = loop.target.id
        before = {f"{counted} + 1": counted, counted: f"{counted} - 1"}
        index = before.get(ast.unparse(width.slice))
        if fixed and same and index is not None:
            text = f"{call.code.text(taken.value)}[{index}]"
            yield Proposal(
                f"take {text}, what the layer before makes",
                (call.code.replace(taken, text),),
                kind="loop",
            )


def next_entry(trace: Trace, step: Step) -> Iterator[Proposal]:
    """`nn.Linear(sizes[i], sizes[i + 1])` for a second `sizes[i]`: what the next layer takes."""
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    if call is None or sum(spec.defined_at == call.span for spec in trace.modules) < 2:
        return
    for given, made in _PAIRS:
        taken, width = call.argument(given), call.argument(made)
        if not isinstance(taken, ast.Subscript) or not isinstance(width, ast.Subscript):
            continue
        if ast.dump(taken) == ast.dump(width) and isinstance(taken.slice, ast.Name):
            text = f"{call.code.text(width.value)}[{taken.slice.id} + 1]"
            yield Proposal(
                f"make {text}, what the next layer takes",
                (call.code.replace(width, text),),
                kind="loop",
            )


def _without_factor(origin: Origin, factor: int) -> str | None:
    """`w` for `w * 2` that is to be halved."""
    node = origin.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.Constant) and one.value == factor:
                return origin.code.text(other)
    return None


def _turns_with(code: Code, node: ast.expr) -> ast.For | None:
    """The loop whose variable an expression is made of."""
    loop = _loop_at(code, node)
    named = set() if loop is None else {
        one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)
    }  # fmt: skip
    used = any(isinstance(one, ast.Name) and one.id in named for one in ast.walk(node))
    return loop if used else None


def loop_around(call: CallSource) -> ast.For | None:
    """The loop of the same function that a constructor stands in."""
    return _loop_at(call.code, call.node)


def _loop_at(code: Code, node: ast.AST) -> ast.For | None:
    for above in code.around(node):
        if isinstance(above, ast.For):
            return above
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return None
    return None
