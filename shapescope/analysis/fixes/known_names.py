"""Numbers of a constructor that a name already stands for, alone or as a sum."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import CallSource, Origin, constructor_of, origins_of, value_of
from shapescope.analysis.code.helpers import made_often
from shapescope.analysis.code.origins import parameter_value
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.loops import loop_around
from shapescope.trace import Trace

_TOO_SMALL = 4  # such numbers agree by chance
_MOST_TIMES = 8


def joined_names(
    trace: Trace, path: str, call: CallSource, node: ast.expr | None, parts: Sequence[int]
) -> Iterator[tuple[Origin, str]]:
    """The sum of what was joined, `latent + n_classes`, where names of the constructor say it.

    Args:
        trace: tells how the modules lie in one another.
        path: of the layer that takes the sum.
        call: its constructor.
        node: the argument, which stands for one of the parts so far.
        parts: sizes that were joined; at least two that differ.
    """
    if node is None or len(parts) < 2:
        return
    if len(set(parts)) == 1:
        yield from _times(trace, path, call, node, parts)
    if len(set(parts)) < len(parts):
        return
    shared = is_shared(call, node)
    places = [origin for origin in origins_of(trace, path, call.code, node)
              if origin.kind == "argument" or (origin.kind == "here" and not shared)]  # fmt: skip
    for origin in places:
        code = origin.code
        if value_of(trace, path, code, origin.node) not in parts:
            continue
        known = _names_by_value(trace, path, code, origin.node)
        words = []
        for part in parts:
            if value_of(trace, path, code, origin.node) == part:
                words.append(code.text(origin.node))
            elif len(known.get(part, ())) == 1:
                words.append(known[part][0])
        if len(words) == len(parts):
            yield origin, " + ".join(words)


def as_written(
    trace: Trace, path: str, name: str, maker: str, made: str, message: str
) -> Iterator[Proposal]:
    """The number of the layer in front, in the words of its constructor: `hidden // 2`.

    Args:
        trace: tells where the constructors are.
        path: of the layer that takes it.
        name: of its argument.
        maker: the path of the layer in front.
        made: its argument.
        message: of the help.
    """
    call, other = constructor_of(trace, path), constructor_of(trace, maker)
    node = None if call is None else call.argument(name)
    its = None if other is None else other.argument(made)
    if call is None or other is None or node is None or its is None:
        return
    near = call.code is other.code and call.code.function(node) is other.code.function(its)
    once = sum(spec.defined_at == call.span for spec in trace.modules) == 1
    if near and once and not isinstance(its, ast.Constant) and not changes_along(other, its):
        text = other.code.text(its)
        yield Proposal(f"{message}: `{text}`", (call.code.replace(node, text),), kind="consumer")


def named_alike(
    trace: Trace, path: str, call: CallSource, node: ast.expr | None, value: int
) -> Iterator[str]:
    """Another parameter of the same function that stands for the number that is wanted."""
    if not isinstance(node, ast.Name) or value < _TOO_SMALL:
        return
    if sum(spec.defined_at == call.span for spec in trace.modules) > 1:
        return  # the same line makes other layers too, for which the names stand for others
    names = _names_by_value(trace, path, call.code, node).get(value, [])
    if len(names) == 1 and names[0] != node.id and not is_shared(call, node):
        yield names[0]


def left_at_none(
    trace: Trace, path: str, call: CallSource, node: ast.expr, value: int
) -> Iterator[tuple[CallSource, str, str]]:
    """A parameter that is None unless it is given, where the module around is made without it.

    Returns:
        The call that makes that module, the parameter, and how the number is spelled there.
    """
    function, outer = call.code.function(node), constructor_of(trace, path.rpartition(".")[0])
    if not isinstance(node, ast.Name) or function is None or outer is None or "." not in path:
        return
    arguments = [*function.args.posonlyargs, *function.args.args]
    names = [arg.arg for arg in arguments]
    if function.name != "__init__" or node.id not in names:
        return
    place = names.index(node.id)
    default = place - len(names) + len(function.args.defaults)
    given = {keyword.arg for keyword in outer.node.keywords}
    passed = len(outer.node.args) > place - 1 or node.id in given or None in given
    if default < 0 or passed or any(isinstance(it, ast.Starred) for it in outer.node.args):
        return
    kept = function.args.defaults[default]
    if isinstance(kept, ast.Constant) and kept.value is None:
        known = _names_by_value(trace, path.rpartition(".")[0], outer.code, outer.node)
        words = known.get(value, [])
        yield outer, node.id, words[0] if len(words) == 1 else str(value)


def part_of_name(
    trace: Trace, path: str, call: CallSource, node: ast.expr, value: int
) -> Iterator[str]:
    """`n_mels // 2`, where strides made half of a number that other layers are reckoned from."""
    function = call.code.function(node)
    if not isinstance(node, ast.Name) or function is None or is_shared(call, node):
        return
    known = value_of(trace, path, call.code, node)
    used = sum(isinstance(one, ast.Name) and one.id == node.id for one in ast.walk(function))
    if known is not None and used > 1 and known in (2 * value, 4 * value, 8 * value):
        yield f"{node.id} // {known // value}"


def is_reckoned_from(trace: Trace, path: str, call: CallSource, node: ast.expr, value: int) -> bool:
    """Whether a layer lacks a factor, `dim * 4`, behind a name that others are reckoned from.

    Another value of the name would change those layers, too.
    """
    function = call.code.function(node)
    if not isinstance(node, ast.Name) or function is None or is_shared(call, node):
        return False
    known = value_of(trace, path, call.code, node)
    used = sum(isinstance(one, ast.Name) and one.id == node.id for one in ast.walk(function))
    once = sum(spec.defined_at == call.span for spec in trace.modules) == 1
    if known is None or known < _TOO_SMALL or used < 2 or not once:
        return False
    return value % known == 0 and 1 < value // known <= _MOST_TIMES


def without_a_term(trace: Trace, path: str, origin: Origin, value: int) -> str | None:
    """`6 * freqs` of `3 + 6 * freqs`, where what arrives lacks just that term."""
    node = origin.node
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return None
    for term in (node.left, node.right):
        if value_of(trace, path, origin.code, term) == value:
            return origin.code.text(term)
    return None


def _times(
    trace: Trace, path: str, call: CallSource, node: ast.expr, parts: Sequence[int]
) -> Iterator[tuple[Origin, str]]:
    """`n_head * head_size` where as many parts of one size were joined, and names say both."""
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    if product and value_of(trace, path, call.code, node) == parts[0]:
        text, last = call.code.text(node), node.right if isinstance(node, ast.BinOp) else node
        if isinstance(last, ast.Constant) and isinstance(node, ast.BinOp):
            times = len(parts) * int(str(last.value))
            yield Origin(call.code, node, "here"), f"{call.code.text(node.left)} * {times}"
            return
        yield Origin(call.code, node, "here"), f"{len(parts)} * {text}"
        return
    known = _names_by_value(trace, path, call.code, node)
    size, count = known.get(parts[0], []), known.get(len(parts), [])
    once = sum(spec.defined_at == call.span for spec in trace.modules) == 1
    if once and len(size) == len(count) == 1 and size != count and len(parts) > 2:
        yield Origin(call.code, node, "here"), f"{count[0]} * {size[0]}"


def _names_by_value(trace: Trace, path: str, code: Code, node: ast.expr) -> dict[int, list[str]]:
    """The parameters of the function around a node, by the numbers they come to."""
    function = code.function(node)
    found: dict[int, list[str]] = {}
    if function is None:
        return found
    arguments = function.args
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        name = ast.copy_location(ast.Name(arg.arg, ast.Load()), node)
        value = parameter_value(trace, path, code, function, name)
        if value is not None:
            found.setdefault(value, []).append(arg.arg)
    return found


def is_shared(call: CallSource, node: ast.expr) -> bool:
    """Whether a number is a parameter of a helper that makes other layers as well."""
    function = call.code.function(node)
    if function is None or not isinstance(node, ast.Name) or function.name == "__init__":
        return False
    arguments = function.args
    names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return node.id in names and made_often(call.code, function)


def changes_along(call: CallSource, node: ast.expr) -> bool:
    """Whether a number is another one for each layer that a loop makes."""
    loop = loop_around(call)
    counted = set() if loop is None else {
        one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)
    }  # fmt: skip
    return any(isinstance(one, ast.Name) and one.id in counted for one in ast.walk(node))
