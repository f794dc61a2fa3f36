"""Edits of a layer's constructor: another number, spelled as its author would."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from shapescope.analysis.code import CallSource, Origin, constructor_of, origins_of, value_of
from shapescope.analysis.diagnosis.finding import Proposal, label
from shapescope.analysis.diagnosis.words import product_text
from shapescope.analysis.fixes.known_names import (
    changes_along,
    is_reckoned_from,
    is_shared,
    joined_names,
    left_at_none,
    named_alike,
    part_of_name,
    without_a_term,
)
from shapescope.analysis.fixes.loops import along_the_loop
from shapescope.diagnostic import Label
from shapescope.trace import SourceSpan, Trace

_LONGEST_INLINE = 56
_MOST_TIMES = 16


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
        kind: see Proposal.
        parts: that were joined to the value, to spell it as a sum.
    """
    call = constructor_of(trace, path)
    if call is None or value < 1:
        return
    for origin, text in joined_names(trace, path, call, call.argument(name), parts):
        here = origin.kind == "here"
        written = call.with_argument(name, text)
        short = inline and here and len(written) <= _LONGEST_INLINE
        yield Proposal(
            f"{prefix}{written}" if short else message,
            (origin.code.replace(origin.node, text),),
            inline=short,
            kind=kind,
        )
    for name_there in named_alike(trace, path, call, call.argument(name), value):
        yield Proposal(
            f"{prefix}`{name_there}`" if prefix else f"{message}: `{name_there}`",
            (call.set(name, name_there),),
            kind=kind,
        )
    for origin, text in along_the_loop(trace, path, name, value):
        yield Proposal(
            f"take {text} in each turn of the loop",
            (origin.code.replace(origin.node, text),),
            kind=kind,
        )
    titled = message if prefix.startswith(message) else f"{prefix}{message}"
    factors = tuple(factor for factor in factors if factor != 1)
    node = call.argument(name)
    text = spell(trace, path, call, node, value, factors)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and sum(parts) == value:
        text = " + ".join(map(str, parts)) if text == str(value) else text
    written = call.with_argument(name, text)
    short = inline and len(written) <= _LONGEST_INLINE
    in_the_call = Proposal(
        f"{prefix}{written}" if short else message,
        (call.set(name, text),),
        inline=short,
        kind=kind,
    )
    if node is not None:
        for outer, missing, word in left_at_none(trace, path, call, node, value):
            yield Proposal(
                f"give `{missing}` where it is left out",
                (outer.set(missing, word),),
                kind=kind,
            )
        for text in part_of_name(trace, path, call, node, value):
            yield Proposal(titled, (call.code.replace(node, text),), kind=kind)
        if is_reckoned_from(trace, path, call, node, value):
            yield in_the_call
        for origin in origins_of(trace, path, call.code, node)[1:]:
            if isinstance(origin.node, ast.Constant | ast.BinOp):
                product = isinstance(origin.node, ast.BinOp) and len(factors) > 1
                text = product_text(factors) if product else str(value)
                text = without_a_term(trace, path, origin, value) or text
                if origin.code.text(origin.node) == text:
                    continue
                yield Proposal(
                    titled if not inline else f"{prefix}{_named(node)} = {text}",
                    (origin.code.replace(origin.node, text),),
                    kind=kind,
                )
        for origin in _passed_on(trace, path, call, node):
            text = spell(trace, path, CallSource(origin.code, call.node), origin.node, value,
                         factors)  # fmt: skip
            yield Proposal(
                titled,
                (origin.code.replace(origin.node, text),),
                kind=kind,
            )
        if is_shared(call, node) or changes_along(call, node):
            return
    if node is not None or call.parameters:
        yield in_the_call


def _passed_on(trace: Trace, path: str, call: CallSource, node: ast.expr) -> tuple[Origin, ...]:
    """Names handed to the helper functions around a constructor, the nearest first."""
    return tuple(
        origin
        for origin in origins_of(trace, path, call.code, node)[1:]
        if origin.kind == "argument" and isinstance(origin.node, ast.Name | ast.Attribute)
    )


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
