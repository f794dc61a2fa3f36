"""Edits of a layer's constructor: another number, spelled as its author would."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from shapescope.analysis.code import CallSource, Origin, constructor_of, origins_of, value_of
from shapescope.analysis.code.helpers import made_often
from shapescope.analysis.code.origins import parameter_value
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal, label
from shapescope.analysis.diagnosis.words import product_text
from shapescope.analysis.fixes.loops import along_the_loop, loop_around
from shapescope.diagnostic import Label
from shapescope.trace import SourceSpan, Trace

_LONGEST_INLINE = 56
_MOST_TIMES = 16
_TOO_SMALL = 4  # such numbers agree by chance


def argument_label(trace: Trace, path: str, name: str, text: str) -> Label | None:
    """A label under an argument of the constructor at `path`, or under the whole call."""
    call = constructor_of(trace, path)
    if call is None:
        spec = next((spec for spec in trace.modules if spec.path == path), None)
        return None if spec is None else label(spec.defined_at, text)
    there = call.argument(name)
    return label(call.span if there is None else call.code.span(there), text)


def argument_span(trace: Trace, path: str, name: str) -> SourceSpan | None:
    """The span of an argument of the constructor at `path`, else of the whole call."""
    call = constructor_of(trace, path)
    if call is None:
        return None
    there = call.argument(name)
    return call.span if there is None else call.code.span(there)


def set_argument(
    trace: Trace,
    path: str,
    name: str,
    value: int,
    message: str,
    *,
    factors: Sequence[int] = (),
    inline: bool = False,
    prefix: str = "",
    silent_weights: bool = False,
    kind: str = "consumer",
    parts: Sequence[int] = (),
) -> Iterator[Proposal]:
    """Proposals that give a layer another number, where the number is decided.

    A name is changed where it gets its value first; then, and for a literal, in the call itself.

    Args:
        trace: tells where the constructor is.
        path: of the layer.
        name: of the constructor's argument.
        value: what it shall be.
        message: of the help; with `inline` the new call stands in its place.
        factors: of the value, to spell it as a product.
        inline: show the new call in the message.
        prefix: in front of an inline call.
        silent_weights: see Proposal.
        kind: see Proposal.
        parts: that were joined to the value, to spell it as a sum.
    """
    call = constructor_of(trace, path)
    if call is None:
        return
    for origin, text in joined_names(trace, path, call, call.argument(name), parts):
        here = origin.kind == "here"
        written = call.with_argument(name, text)
        short = inline and here and len(written) <= _LONGEST_INLINE
        yield Proposal(
            f"{prefix}{written}" if short else message,
            (origin.code.replace(origin.node, text),),
            inline=short,
            silent_weights=silent_weights,
            kind=kind,
        )
    for name_there in _named_alike(trace, path, call, call.argument(name), value):
        yield Proposal(
            f"{prefix}`{name_there}`" if prefix else f"{message}: `{name_there}`",
            (call.set(name, name_there),),
            silent_weights=silent_weights,
            kind=kind,
        )
    for origin, text in along_the_loop(trace, path, name, value):
        yield Proposal(
            f"take {text} in each turn of the loop",
            (origin.code.replace(origin.node, text),),
            silent_weights=silent_weights,
            kind=kind,
        )
    factors = tuple(factor for factor in factors if factor != 1)
    node = call.argument(name)
    if node is not None:
        for origin in origins_of(trace, path, call.code, node)[1:]:
            if isinstance(origin.node, ast.Constant | ast.BinOp):
                product = isinstance(origin.node, ast.BinOp) and len(factors) > 1
                text = product_text(factors) if product else str(value)
                if origin.code.text(origin.node) == text:
                    continue
                yield Proposal(
                    f"{prefix}{message}" if not inline else f"{prefix}{_named(node)} = {text}",
                    (origin.code.replace(origin.node, text),),
                    silent_weights=silent_weights,
                    kind=kind,
                )
        for origin in _passed_on(trace, path, call, node):
            text = spell(trace, path, CallSource(origin.code, call.node), origin.node, value,
                         factors)  # fmt: skip
            yield Proposal(
                f"{prefix}{message}",
                (origin.code.replace(origin.node, text),),
                silent_weights=silent_weights,
                kind=kind,
            )
        if _is_shared(call, node) or _changes_along(call, node):
            return
    if node is None and not call.parameters:
        return
    text = spell(trace, path, call, node, value, factors)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and sum(parts) == value:
        text = " + ".join(map(str, parts)) if text == str(value) else text
    written = call.with_argument(name, text)
    short = inline and len(written) <= _LONGEST_INLINE
    yield Proposal(
        f"{prefix}{written}" if short else message,
        (call.set(name, text),),
        inline=short,
        silent_weights=silent_weights,
        kind=kind,
    )


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
    shared = _is_shared(call, node)
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
    if near and once and not isinstance(its, ast.Constant) and not _changes_along(other, its):
        text = other.code.text(its)
        yield Proposal(f"{message}: `{text}`", (call.code.replace(node, text),), kind="consumer")


def _named_alike(
    trace: Trace, path: str, call: CallSource, node: ast.expr | None, value: int
) -> Iterator[str]:
    """Another parameter of the same function that stands for the number that is wanted."""
    if not isinstance(node, ast.Name) or value < _TOO_SMALL:
        return
    if sum(spec.defined_at == call.span for spec in trace.modules) > 1:
        return  # the same line makes other layers too, for which the names stand for others
    names = _names_by_value(trace, path, call.code, node).get(value, [])
    if len(names) == 1 and names[0] != node.id and not _is_shared(call, node):
        yield names[0]


def _times(
    trace: Trace, path: str, call: CallSource, node: ast.expr, parts: Sequence[int]
) -> Iterator[tuple[Origin, str]]:
    """`n_head * head_size` where as many parts of one size were joined, and names say both."""
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    if product and value_of(trace, path, call.code, node) == parts[0]:
        yield Origin(call.code, node, "here"), f"{len(parts)} * {call.code.text(node)}"
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


def _passed_on(trace: Trace, path: str, call: CallSource, node: ast.expr) -> tuple[Origin, ...]:
    """Names handed to the helper functions around a constructor, the nearest first."""
    return tuple(
        origin
        for origin in origins_of(trace, path, call.code, node)[1:]
        if origin.kind == "argument" and isinstance(origin.node, ast.Name | ast.Attribute)
    )


def _is_shared(call: CallSource, node: ast.expr) -> bool:
    """Whether a number is a parameter of a helper that makes other layers as well."""
    function = call.code.function(node)
    if function is None or not isinstance(node, ast.Name) or function.name == "__init__":
        return False
    arguments = function.args
    names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return node.id in names and made_often(call.code, function)


def _changes_along(call: CallSource, node: ast.expr) -> bool:
    """Whether a number is another one for each layer that a loop makes."""
    loop = loop_around(call)
    counted = set() if loop is None else {
        one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)
    }  # fmt: skip
    return any(isinstance(one, ast.Name) and one.id in counted for one in ast.walk(node))


def _named(node: ast.expr) -> str:
    return ast.unparse(node)


def spell(
    trace: Trace,
    path: str,
    call: CallSource,
    node: ast.expr | None,
    value: int,
    factors: Sequence[int] = (),
) -> str:
    """A number as the author of the call would write it.

    With names that are there already where one comes to a divisor of it (`hidden * 2`), as the
    product it is (`16 * 4 * 4`), or plainly.
    """
    if node is not None:
        for name in ast.walk(node):
            if not isinstance(name, ast.Name | ast.Attribute):
                continue
            known = value_of(trace, path, call.code, name)
            if (
                known is not None
                and known > 1
                and value % known == 0
                and _plain_times(value // known)
            ):
                text = call.code.text(name)
                return text if known == value else f"{text} * {value // known}"
    if len(factors) > 1 and prod(factors) == value:
        return product_text(factors)
    return str(value)


def _plain_times(times: int) -> bool:
    """Whether a factor is one that somebody would write behind a name: `hidden * 2`."""
    return times <= _MOST_TIMES


def origin_labels(trace: Trace, path: str, name: str, text: str) -> Iterator[Label]:
    """Labels under the default, argument or assignment that decides a constructor's number."""
    call = constructor_of(trace, path)
    node = None if call is None else call.argument(name)
    if call is None or node is None:
        return
    for origin in deciding(trace, path, call, node):
        yield Label(origin.span, text)


def deciding(trace: Trace, path: str, call: CallSource, node: ast.expr) -> tuple[Origin, ...]:
    """The constants, and the arguments of calls around, that decide an argument."""
    return tuple(
        origin
        for origin in origins_of(trace, path, call.code, node)[1:]
        if origin.kind == "argument" or isinstance(origin.node, ast.Constant | ast.BinOp)
    )[:2]
