"""Reads the source of a forward: where its arguments go, and what is done with them."""

from __future__ import annotations

import ast
import inspect
from types import CodeType
from typing import Any

from torch import Tensor, nn

from shapescope.capture.inferring.argument_uses import Argument, Key, Use
from shapescope.capture.inferring.usage_source import (
    counted_layers,
    dotted,
    in_order,
    layers_in_turn,
    submodule_of,
    text_of,
)
from shapescope.source_text import function_at

__all__ = ["read_uses"]

_DEEPEST = 3
_AXES_OF_TOKENS = 2
_SHOWING = frozenset(
    {"flatten", "reshape", "squeeze", "unsqueeze", "transpose", "permute", "relu", "normalize",
     "pad", "dropout", "one_hot", "clamp", "as_tensor", "nan_to_num"}
)  # fmt: skip
"""Functions whose result is still, more or less, what they were given."""
_CHOOSING = ("gather", "index_select", "one_hot", "take_along_dim", "cross_entropy", "nll_loss")
_JOINING = ("cat", "concat", "concatenate", "hstack", "column_stack")


def read_uses(module: nn.Module, forward: Any, arguments: dict[str, Argument]) -> None:
    """Note in `arguments`, by name, what the source of `forward` does with them."""
    node = _definition(forward)
    if node is not None:
        names = {name: (name, "") for name in arguments}
        _Reader(module, arguments).read(node, names, _DEEPEST)


def _definition(function: Any) -> ast.FunctionDef | None:
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    node = None if code is None else function_at(code.co_filename, code.co_firstlineno)
    return node if code is not None and node is not None and node.name == code.co_name else None


class _Reader:
    """Follows arguments through a forward and the methods of the model that it calls."""

    def __init__(self, module: nn.Module, arguments: dict[str, Argument]) -> None:
        self.module = module
        self.arguments = arguments
        self.in_turn: dict[str, str] = {}
        self.counting: dict[str, str] = {}

    def read(self, function: ast.FunctionDef, names: dict[str, Key], depth: int) -> None:
        """Note what `function` does with what it knows under these names."""
        names = dict(names)
        for node in in_order(function):
            if isinstance(node, ast.Call):
                self._call(node, names, depth)
            elif isinstance(node, ast.Attribute):
                self._attribute(node, names)
            elif isinstance(node, ast.Subscript):
                self._key(node.value, text_of(node.slice), names)
                self._index(node, names)
            elif isinstance(node, ast.Assign):
                self._assign(node, names)
            elif isinstance(node, ast.For | ast.comprehension):
                self.in_turn |= layers_in_turn(self.module, node.target, node.iter)
                self.counting |= counted_layers(self.module, node.target, node.iter)
                self._loop(node.iter, names)
            elif isinstance(node, ast.If | ast.IfExp):
                self._condition(node.test, names)

    def _use(self, key: Key) -> Use:
        return self.arguments[key[0]].uses.setdefault(key[1], Use())

    def _call(self, call: ast.Call, names: dict[str, Key], depth: int) -> None:
        called = self._called(call.func)
        if isinstance(call.func, ast.Attribute):
            self._method(call.func, call, names)
        last = called.rpartition(".")[2]
        if last in _JOINING and call.args and isinstance(call.args[0], ast.List | ast.Tuple):
            self._join([self._meant(it, names, wrapped=True) for it in call.args[0].elts])
        elif last in _CHOOSING:
            for chosen in (self._meant(it, names, wrapped=True) for it in call.args):
                if chosen is not None:
                    self._use(chosen).indexes = True
        elif last == "stft":
            whole = [call.func.value] if isinstance(call.func, ast.Attribute) else []
            keys = [self._meant(it, names, wrapped=True) for it in [*whole, *call.args[:1]]]
            for wave in filter(None, keys):
                self._use(wave).is_wave = True
        elif last == "range" and len(call.args) == 1:
            key = self._meant(call.args[0], names)
            if key is not None:
                self._use(key).counts = True
        if not called.startswith("self."):
            self._helper(called, call, names, depth)
            return
        target = called.removeprefix("self.")
        handed = [(it, self._meant(it, names, wrapped=True)) for it in call.args]
        handed += [(it.value, self._meant(it.value, names, wrapped=True)) for it in call.keywords]
        layer = submodule_of(self.module, target)
        if layer is not None:
            inside = self._layer(layer, [self._meant(it, names) for it in call.args], depth)
            for _, key in handed:
                if key is not None:
                    paths = [f"{target}.{path}" for path in inside.get(key, [])] or [target]
                    used = self._use(key).paths
                    used += [path for path in paths if path not in used]
            return
        method = getattr(type(self.module), target, None) if depth else None
        inner = _definition(method) if method is not None else None
        if inner is not None:
            static = isinstance(inspect.getattr_static(type(self.module), target), staticmethod)
            taken = [it.arg for it in inner.args.args][0 if static else 1 :]
            bound = dict(zip(taken, (key for _, key in handed[: len(call.args)]), strict=False))
            known = {name: key for name, key in bound.items() if key is not None}
            if known:
                self.read(inner, known, depth - 1)

    def _called(self, func: ast.expr) -> str:
        """What is called, as it is written; a list's layer by the list that it is taken from."""
        if isinstance(func, ast.Name) and func.id in self.in_turn:
            return f"self.{self.in_turn[func.id]}"
        if isinstance(func, ast.Subscript):
            path = dotted(func.value)
            layers = submodule_of(self.module, path.removeprefix("self."))
            return path if isinstance(layers, nn.ModuleList | nn.ModuleDict) else ""
        return dotted(func)

    def _index(self, node: ast.Subscript, names: dict[str, Key]) -> None:
        """As many axes as an index speaks of, where these are three or more."""
        key = self._meant(node.value, names)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        whole = all(isinstance(it, ast.Slice | ast.Constant | ast.Name) for it in parts)
        named = any(isinstance(it, ast.Constant) and it.value in (None, ...) for it in parts)
        if key is not None and len(parts) > _AXES_OF_TOKENS and whole and not named:
            self._use(key).rank = self._use(key).rank or len(parts)
        at = node.slice
        if key is not None and isinstance(at, ast.Constant) and type(at.value) is int:
            self._use(key).items = max(self._use(key).items, at.value + 1)
        if key is not None and isinstance(at, ast.Name) and at.id in self.counting:
            self._use(key).turn_of = self.counting[at.id]
        for part in parts or [node.slice]:
            chosen = self._meant(part, names, wrapped=True)
            if chosen is not None:
                self._use(chosen).indexes = True

    def _helper(self, called: str, call: ast.Call, names: dict[str, Key], depth: int) -> None:
        """Follow arguments into a function beside the model in its file."""
        beside = getattr(inspect.unwrap(type(self.module).forward), "__globals__", {})
        function = beside.get(called) if depth else None
        here = getattr(function, "__module__", None) == beside.get("__name__")
        inner = _definition(function) if here and inspect.isfunction(function) else None
        if inner is None:
            return
        handed = [self._meant(it, names) for it in call.args]
        taken = [it.arg for it in inner.args.args]
        known = {name: key for name, key in zip(taken, handed, strict=False) if key is not None}
        if known:
            self.read(inner, known, depth - 1)

    def _layer(
        self, layer: nn.Module, handed: list[Key | None], depth: int
    ) -> dict[Key, list[str]]:
        """Note of arguments that a layer of the user's is given as they are what it does.

        Gives the paths, inside the layer, of the layers that it hands each of them to.
        """
        forward: Any = type(layer).forward
        known = depth and any(handed) and not (forward.__module__ or "").startswith("torch.")
        inner = _definition(forward) if known else None
        if inner is None:
            return {}
        taken = [it.arg for it in inner.args.args][1:]
        own = {name: key for name, key in zip(taken, handed, strict=False) if key is not None}
        arguments = {name: Argument(name) for name in own}
        _Reader(layer, arguments).read(inner, {name: (name, "") for name in own}, depth - 1)
        for name, key in own.items():
            use, found = self._use(key), arguments[name].use
            use.rank = use.rank or found.rank
            use.is_wave |= found.is_wave
            use.is_complex |= found.is_complex
            use.indexes |= found.indexes
            use.items = max(use.items, found.items)
            use.turn_of = use.turn_of or found.turn_of
        return {key: arguments[name].use.paths for name, key in own.items()}

    def _attribute(self, node: ast.Attribute, names: dict[str, Key]) -> None:
        key = self._meant(node.value, names)
        if key is None:
            return
        use = self._use(key)
        use.is_complex |= node.attr == "imag"
        if not hasattr(Tensor, node.attr) and node.attr not in (*use.fields, *dir(dict)):
            use.fields.append(node.attr)

    def _join(self, parts: list[Key | None]) -> None:
        """Note of several arguments that they are concatenated, and of one how often."""
        keys = [key for key in parts if key is not None]
        for key in dict.fromkeys(keys):
            self._use(key).joined |= len(set(keys)) > 1
            if len(set(keys)) == 1 and len(keys) == len(parts) > 1:
                self._use(key).repeats = len(keys)

    def _method(self, func: ast.Attribute, call: ast.Call, names: dict[str, Key]) -> None:
        key = self._meant(func.value, names)
        if key is not None and func.attr == "permute" and len(call.args) > 1:
            self._use(key).rank = self._use(key).rank or len(call.args)
        elif key is not None and func.attr == "get" and call.args:
            self._key(func.value, text_of(call.args[0]), names)
        elif func.attr == "permute" and isinstance(func.value, ast.Call) and len(call.args) > 1:
            # What a linear layer gives has the axes of what it takes.
            layer = submodule_of(self.module, dotted(func.value.func).removeprefix("self."))
            key = self._meant(func.value.args[0], names) if func.value.args else None
            if key is not None and isinstance(layer, nn.Linear | nn.LayerNorm):
                self._use(key).rank = self._use(key).rank or len(call.args)

    def _key(self, value: ast.expr, text: str | None, names: dict[str, Key]) -> None:
        if text is None or not isinstance(value, ast.Name) or value.id not in names:
            return
        name, below = names[value.id]
        argument = self.arguments[name]
        if not below and text.isidentifier():
            if text not in argument.keys:
                argument.keys.append(text)
            argument.uses.setdefault(text, Use())

    def _assign(self, node: ast.Assign, names: dict[str, Key]) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Tuple):
            self._unpack(target, node.value, names)
            return
        if not isinstance(target, ast.Name):
            return
        key = self._meant(node.value, names, wrapped=True)
        if key is not None:
            names[target.id] = key
        else:
            names.pop(target.id, None)

    def _unpack(self, target: ast.Tuple, value: ast.expr, names: dict[str, Key]) -> None:
        if isinstance(value, ast.Call) and not value.args and isinstance(value.func, ast.Attribute):
            value = value.func
        sized = isinstance(value, ast.Attribute) and value.attr in ("shape", "size")
        key = self._meant(value.value, names) if isinstance(value, ast.Attribute) else None
        starred = any(isinstance(it, ast.Starred) for it in target.elts)
        if sized and key is not None and (not starred or len(target.elts) > _AXES_OF_TOKENS):
            self._use(key).rank = self._use(key).rank or len(target.elts)
        for item in target.elts:
            if isinstance(item, ast.Name):
                names.pop(item.id, None)

    def _loop(self, over: ast.expr, names: dict[str, Key]) -> None:
        if isinstance(over, ast.Call) and dotted(over.func) == "enumerate" and over.args:
            over = over.args[0]
        if not (isinstance(over, ast.Call) and dotted(over.func) == "zip"):
            return
        layers = [dotted(it).removeprefix("self.") for it in over.args]
        lists = [it for it in layers if isinstance(submodule_of(self.module, it), nn.ModuleList)]
        for item in over.args:
            key = self._meant(item, names)
            if key is not None and lists:
                self._use(key).each = lists[0]

    def _condition(self, test: ast.expr, names: dict[str, Key]) -> None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test = test.operand
        if isinstance(test, ast.Compare) and isinstance(test.comparators[0], ast.Constant):
            key = self._meant(test.left, names)
            if key is not None and test.comparators[0].value is None:
                self._use(key).may_be_none = True
            return
        key = self._meant(test, names)
        if key is not None:
            self._use(key).decides = True

    def _meant(self, node: ast.expr, names: dict[str, Key], wrapped: bool = False) -> Key | None:
        """The argument that an expression is; `wrapped` also where it is only shown otherwise."""
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            text = text_of(node.slice)
            known = names.get(node.value.id)
            if text is not None and known is not None and not known[1]:
                self._key(node.value, text, names)
                return (known[0], text) if text.isidentifier() else None
        if not wrapped:
            return None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            inner = self._meant(node.func.value, names, wrapped=True)
            if inner is not None:
                return inner
            if node.func.attr in _SHOWING and not dotted(node.func).startswith("self."):
                return self._meant(node.args[0], names, wrapped=True) if node.args else None
        if isinstance(node, ast.Subscript):
            return self._meant(node.value, names, wrapped=True)
        return None
