"""What a user typed to name a model, taken apart without running anything.

`lenet5` · `torchvision:resnet18` · `timm:NAME` · `hf:CONFIG-OR-CLASS` · `path/file.py` ·
`path/file.py:Class(10, width=2)` · `package.module:factory` · a saved model or checkpoint.
Arguments are literals, or names that the model's file defines; nothing in them is computed.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shapescope.diagnostic import ShapescopeError

__all__ = ["ZOOS", "Arguments", "ModelSpec", "parse_spec"]

ZOOS = ("torchvision", "timm", "hf")
_SAVED = (
    ".pt2", ".pt", ".pth", ".ts", ".jit", ".torchscript", ".ckpt", ".safetensors", ".bin",
    ".pth.tar", ".pt.tar", ".pkl", ".pickle",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments a user wrote behind a class or factory, not yet looked up."""

    text: str = ""
    positional: tuple[ast.expr, ...] = ()
    keywords: tuple[tuple[str, ast.expr], ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.positional or self.keywords)

    def values(self, name: Callable[[str], Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as values.

        Args:
            name: looks up a name, dotted or not; raises what is right where there is none.
        """
        return (
            [_value(node, name) for node in self.positional],
            {key: _value(node, name) for key, node in self.keywords},
        )


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model, as it was named.

    Attributes:
        text: all that was typed.
        kind: `network`, `torchvision`, `timm`, `hf`, `file`, `package` or `saved`.
        place: the name in its zoo, the path of the file, or the dotted module.
        attribute: the class, function or instance in that file or module; "" where none was named.
        arguments: what to call it with.
        called: whether it was written with parentheses, also empty ones.
    """

    text: str
    kind: str
    place: str
    attribute: str = ""
    arguments: Arguments = Arguments()
    called: bool = False


def parse_spec(text: str) -> ModelSpec:
    """Take a model's name apart.

    Raises:
        ShapescopeError: it has no form that names a model, or its arguments would have to be
            computed.
    """
    text = text.strip()
    if not text:
        raise ShapescopeError("no model was named; `shapescope models` lists what can be")
    head = text.partition("(")[0]
    prefix, colon, rest = text.partition(":")
    if colon and prefix in ZOOS:
        name, arguments, called = _name_and_arguments(text, rest.strip())
        if not name:
            raise ShapescopeError(f"{text}: the name of a model is missing behind {prefix}:")
        return ModelSpec(text, prefix, name, "", arguments, called)
    file = re.match(r"(.+?\.pyw?)(?:\s*:(.*))?$", text, re.DOTALL)
    # A parenthesis begins the arguments, unless there is a file of that name: `net (1).py`.
    if file is not None and ("(" not in file[1] or os.path.isfile(file[1])):  # noqa: PTH113
        attribute, arguments, called = _attribute_and_arguments(text, file[2] or "")
        if file[2] is not None and not attribute:
            raise ShapescopeError(f"{text}: the name of a class is missing behind the colon")
        return ModelSpec(text, "file", file[1], attribute, arguments, called)
    if text.lower().endswith(_SAVED):
        return ModelSpec(text, "saved", text)
    if ":" in head:
        place, _, rest = text.partition(":")
        if not all(part.isidentifier() for part in place.split(".")):
            raise ShapescopeError(
                f"{text} names no model; write a name, path/file.py:Class, package.module:factory, "
                f"or one of {', '.join(f'{zoo}:NAME' for zoo in ZOOS)}"
            )
        attribute, arguments, called = _attribute_and_arguments(text, rest)
        if not attribute:
            raise ShapescopeError(f"{text}: the name of a factory is missing behind the colon")
        return ModelSpec(text, "package", place, attribute, arguments, called)
    name, arguments, called = _name_and_arguments(text, text)
    if not name:
        raise ShapescopeError(f"{text} names no model; `shapescope models` lists what can be named")
    return ModelSpec(text, "network", name, "", arguments, called)


def _name_and_arguments(text: str, rest: str) -> tuple[str, Arguments, bool]:
    """A name that need not be an identifier, and the arguments in parentheses behind it."""
    name, paren, _ = rest.partition("(")
    if not paren:
        return rest, Arguments(), False
    _, arguments, called = _attribute_and_arguments(text, "model" + rest[len(name) :])
    return name.strip(), arguments, called


def _attribute_and_arguments(text: str, target: str) -> tuple[str, Arguments, bool]:
    """`Class` or `Class(10, width=2)` as dotted name, arguments, and whether it was called."""
    target = target.strip()
    if not target:
        return "", Arguments(), False
    try:
        node = ast.parse(target, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _not_a_class(text, target) from None
    if not isinstance(node, ast.Call):
        name = _dotted(node)
        if name is None:
            raise _not_a_class(text, target)
        return name, Arguments(), False
    name = _dotted(node.func)
    if name is None:
        raise _not_a_class(text, target)
    for argument in node.args:
        _require_plain(text, argument)
    keywords = []
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _computed(text, keyword.value, "**")
        _require_plain(text, keyword.value)
        keywords.append((keyword.arg, keyword.value))
    shown = ", ".join(
        [*map(ast.unparse, node.args), *(f"{key}={ast.unparse(value)}" for key, value in keywords)]
    )
    return name, Arguments(shown, tuple(node.args), tuple(keywords)), True


def _not_a_class(text: str, target: str) -> ShapescopeError:
    return ShapescopeError(
        f"{text}: `{target}` does not name a class; write Class, or Class(10, width=2) with "
        "literal arguments"
    )


def _computed(text: str, node: ast.expr, mark: str = "") -> ShapescopeError:
    shown = mark + ast.unparse(node)
    action = "call something" if isinstance(node, ast.Call) else "compute something"
    return ShapescopeError(
        f"{text}: `{shown}` would {action}, and nothing was run; "
        "arguments are literals or names that the file defines",
        advice=_way_out(text),
    )


def _way_out(text: str) -> tuple[str, ...]:
    """How a model of the user's own is named that takes more than literals."""
    place, colon, _ = text.partition("(")[0].rpartition(":")
    if not colon or place in ZOOS:
        return ()
    return (f"a function there that returns the model may do it; name it: {place}:function",)


def _require_plain(text: str, node: ast.expr) -> None:
    """Refuse all that is no literal and no name."""
    if isinstance(node, ast.Constant) or _dotted(node) is not None or _is_signed(node):
        return
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            _require_plain(text, element)
        return
    if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
        for key, value in zip(node.keys, node.values, strict=True):
            _require_plain(text, key if key is not None else value)
            _require_plain(text, value)
        return
    raise _computed(text, node)


def _is_signed(node: ast.expr) -> bool:
    """Whether this is a number with a sign: `-1` is an expression to Python, a literal to us."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub | ast.UAdd)
        and isinstance(node.operand, ast.Constant)
        and type(node.operand.value) in (int, float, complex)
    )


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _value(node: ast.expr, name: Callable[[str], Any]) -> Any:
    dotted = _dotted(node)
    if dotted is not None:
        return name(dotted)
    if isinstance(node, ast.Tuple):
        return tuple(_value(element, name) for element in node.elts)
    if isinstance(node, ast.List):
        return [_value(element, name) for element in node.elts]
    if isinstance(node, ast.Set):
        return {_value(element, name) for element in node.elts}
    if isinstance(node, ast.Dict):
        keys = [_value(key, name) for key in node.keys if key is not None]
        return dict(zip(keys, (_value(value, name) for value in node.values), strict=True))
    return ast.literal_eval(node)
