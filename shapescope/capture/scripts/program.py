"""The graph of a TorchScript method, read once and run by Python as often as needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from shapescope.capture.scripts.operators import ALWAYS, PLAIN, holds_tensors
from shapescope.capture.scripts.public import public_function

__all__ = ["FORWARD", "NotReadableError", "Program", "read_program"]

FORWARD = re.compile(r"forward(__)?\d*")
_FUNCTIONAL = "__torch__.torch.nn.functional."
_OF_NUMBERS = (torch.float64, torch.int64)
_RAISES = "prim::RaiseException"


class NotReadableError(Exception):
    """A graph holds something that only TorchScript can run."""


class _Instruction(NamedTuple):
    """What to do: `run` is given the values of `takes` (numbers of slots) and fills `gives`."""

    kind: str
    run: Callable[..., Any] | None
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    name: str = ""
    blocks: tuple[_Block, ...] = ()


class _Block(NamedTuple):
    takes: tuple[int, ...]
    body: tuple[_Instruction, ...]
    gives: tuple[int, ...]


class Program:
    """A method's instructions. It never changes, so copies of a model share it.

    Attributes:
        slots: number of values that it works with.
        constants: what is known beforehand, by slot.
        tensors: constant tensors, by slot, which the module is to keep, so that they are placed
            like its weights.
        asked: names of the attributes that it asks of modules.
    """

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.constants: dict[int, Any] = {}
        self.tensors: dict[int, Tensor] = {}
        self.asked: set[str] = set()
        self.main = _Block((), (), ())

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        return self

    def slot(self, value: Any) -> int:
        """The number of a value of the graph."""
        return self.slots.setdefault(value.debugName(), len(self.slots))

    def run(self, module: nn.Module, tensors: dict[int, Tensor], args: Sequence[Any]) -> Any:
        """Run the method on `module`, with its constant tensors as `module` keeps them."""
        values: list[Any] = [None] * len(self.slots)
        for slot, constant in self.constants.items():
            values[slot] = constant
        for slot, tensor in tensors.items():
            values[slot] = tensor
        for slot, value in zip(self.main.takes, (module, *args), strict=False):
            values[slot] = value
        _run(self.main.body, values)
        given = [values[slot] for slot in self.main.gives]
        return given[0] if len(given) == 1 else tuple(given)


def _run(body: Sequence[_Instruction], values: list[Any]) -> None:
    for kind, run, takes, gives, name, blocks in body:
        given = [values[slot] for slot in takes]
        if run is not None:
            values[gives[0]] = run(*given)
            continue
        match kind:
            case "prim::GetAttr":
                values[gives[0]] = getattr(given[0], name)
            case "prim::SetAttr":
                setattr(given[0], name, given[1])
            case "prim::CallMethod":
                values[gives[0]] = _called(given[0], name, given[1:])
            case "prim::If":
                _run_block(blocks[0] if given[0] else blocks[1], (), gives, values)
            case "prim::Loop":
                _run_loop(blocks[0], given, gives, values)
            case "prim::TupleUnpack" | "prim::ListUnpack":
                for slot, value in zip(gives, given[0], strict=True):
                    values[slot] = value
            case "several":
                for slot, value in zip(gives, _torchs(name)(*given), strict=True):
                    values[slot] = value
            case _:
                raise RuntimeError(str(given[0]) if given else "the script raised an exception")


def _called(module: Any, name: str, args: list[Any]) -> Any:
    """Call a method; forwards go through the module itself, which is how they are seen."""
    if not FORWARD.fullmatch(name):
        return getattr(module, name)(*args)
    if name != "forward" and hasattr(module, "run_next"):
        # A traced module that was called several times has a forward for each call.
        module.run_next(name)
    return module(*args)


def _run_block(
    block: _Block, given: Sequence[Any], gives: Sequence[int], values: list[Any]
) -> None:
    for slot, value in zip(block.takes, given, strict=True):
        values[slot] = value
    _run(block.body, values)
    results = [values[slot] for slot in block.gives]
    for slot, value in zip(gives, results, strict=True):
        values[slot] = value


def _run_loop(block: _Block, given: list[Any], gives: Sequence[int], values: list[Any]) -> None:
    most, goes_on, *carried = given
    count = 0
    while goes_on and count < most:
        for slot, value in zip(block.takes, (count, *carried), strict=True):
            values[slot] = value
        _run(block.body, values)
        goes_on, *carried = (values[slot] for slot in block.gives)
        count += 1
    for slot, value in zip(gives, carried, strict=True):
        values[slot] = value


def read_program(graph: Any) -> Program:
    """The instructions of a graph.

    Raises:
        NotReadableError: it holds something that only TorchScript can run.
    """
    if _calls_functions_of_the_users(graph):
        # Such a function's graph is had by inlining alone, which inlines the layers as well.
        graph = graph.copy()
        torch._C._jit_pass_inline(graph)
    program = Program()
    program.main = _read_block(graph, program)
    return program


def _calls_functions_of_the_users(block: Any) -> bool:
    return any(
        (node.kind() == "prim::Constant" and _function_of(node) == "")
        or any(map(_calls_functions_of_the_users, node.blocks()))
        for node in block.nodes()
    )


def _function_of(node: Any) -> str | None:
    """The name of torch's function that a constant is; "" for any other function."""
    kind = node.output().type()
    if kind.kind() != "FunctionType":
        return None
    name = str(kind)
    known = name.removeprefix(_FUNCTIONAL).lstrip("_") if name.startswith(_FUNCTIONAL) else ""
    return known if hasattr(nn.functional, known) else ""


def _read_block(block: Any, program: Program) -> _Block:
    takes = tuple(program.slot(value) for value in block.inputs())
    body = []
    for node in block.nodes():
        instruction = _read_node(node, program)
        if instruction is not None:
            body.append(instruction)
    return _Block(takes, tuple(body), tuple(program.slot(value) for value in block.outputs()))


def _read_node(node: Any, program: Program) -> _Instruction | None:
    kind = node.kind()
    takes = tuple(program.slot(value) for value in node.inputs())
    gives = tuple(program.slot(value) for value in node.outputs())
    if kind == "prim::Constant":
        _read_constant(node, gives[0], program)
        return None
    if kind in ("prim::GetAttr", "prim::SetAttr", "prim::CallMethod"):
        if kind == "prim::GetAttr":
            program.asked.add(node.s("name"))
        return _Instruction(kind, None, takes, gives, node.s("name"))
    if kind in ("prim::If", "prim::Loop"):
        blocks = tuple(_read_block(block, program) for block in node.blocks())
        return _Instruction(kind, None, takes, gives, "", blocks)
    if kind in ("prim::TupleUnpack", "prim::ListUnpack", _RAISES):
        return _Instruction(kind, None, takes, gives)
    if kind == "prim::CallFunction":
        return _Instruction(kind, _call, takes, gives)
    if len(gives) != 1:
        return _several(node, takes, gives)
    return _Instruction(kind, ALWAYS.get(kind) or _operator(node), takes, gives)


def _call(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def _read_constant(node: Any, slot: int, program: Program) -> None:
    name = _function_of(node)
    value = getattr(nn.functional, name) if name else node.output().toIValue()
    if isinstance(value, Tensor) and not value.dim() and value.dtype in _OF_NUMBERS:
        # Tracing made a tensor of a number; a number again, it leaves the dtype of others alone.
        program.constants[slot] = value.item()
    elif isinstance(value, Tensor):
        program.tensors[slot] = value
    else:
        program.constants[slot] = value


def _several(node: Any, takes: tuple[int, ...], gives: tuple[int, ...]) -> _Instruction:
    kind = node.kind()
    if not gives:
        done = ALWAYS.get(kind) or _operator(node)
        # Its first argument stays what it is; what was done to it, was done in place.
        return _Instruction(kind, lambda *args: (done(*args), args[0])[1], takes, takes[:1])
    _torchs(node.schema())
    return _Instruction("several", None, takes, gives, node.schema())


_KNOWN: dict[str, Callable[..., Any]] = {}


def _torchs(schema: str) -> Callable[..., Any]:
    """The operator of a schema, called with all of its arguments in order."""
    known = _KNOWN.get(schema)
    if known is None:
        known = _KNOWN[schema] = _found(schema)
    return known


def _found(text: str) -> Callable[..., Any]:
    if text == "(no schema)" or not text:
        raise NotReadableError(text)
    schema = torch._C.parse_schema(text)
    space, _, name = schema.name.partition("::")
    packet = getattr(getattr(torch.ops, space), name, None)
    if packet is None:
        raise NotReadableError(schema.name)
    public = public_function(schema)
    if public is not None:
        return public
    overload = getattr(packet, schema.overload_name or "default")
    keywords = [argument.name for argument in schema.arguments if argument.kwarg_only]
    tensors = [
        position
        for position, argument in enumerate(schema.arguments)
        if argument.type.kind() == "TensorType"
    ]
    place = len(schema.arguments) - len(keywords)

    def run(*args: Any) -> Any:
        # A number may stand where a traced graph has a tensor of no axes.
        exact = all(isinstance(args[at], Tensor) for at in tensors if at < len(args))
        called = overload if exact else packet
        return called(*args[:place], **dict(zip(keywords, args[place:], strict=False)))

    return run


def _operator(node: Any) -> Callable[..., Any]:
    kind = node.kind()
    plain = PLAIN.get(kind)
    if kind.startswith("prim::"):
        raise NotReadableError(kind)
    schema = node.schema()
    if plain is None:
        return _torchs(schema)
    torchs = _torchs(schema) if "Tensor" in schema.rpartition("->")[2] else plain

    def run(*args: Any) -> Any:
        return torchs(*args) if any(map(holds_tensors, args)) else plain(*args)

    return run
