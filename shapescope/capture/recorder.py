"""What one forward pass does, written down while it runs.

Two listeners share the work. Every module is called through the recorder, which marks where it
begins and ends: a leaf (a layer of torch.nn) becomes one step, every other module a step with steps
inside. A `TorchFunctionMode` sees each functional call between them. Tensors carry the number of
the step that made them, which gives the graph.

The recorder only ever works on a copy of the user's model (see `tensors`), and takes off all that
it put on when it is left, however it is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapescope.attrs import ModuleAttrs
from shapescope.capture.leaves import is_leaf
from shapescope.capture.module_tree import named_modules_of
from shapescope.capture.records import Record, Registered, Site, failure_of, steps_of
from shapescope.capture.redirect import redirected
from shapescope.capture.runner import PlainRunner, Runner
from shapescope.capture.source import user_frame
from shapescope.capture.tensors import concrete_shape, spec_of, tensors_of
from shapescope.ops import Op, canonical_name, is_inplace, lookup, op_of_module, snake_case
from shapescope.trace import Failure, ParamSpec, Shape, SourceSpan, Step, TensorSpec
from shapescope.turns import one_at_a_time

_TAG = "_shapescope_source"
"""The attribute by which a tensor names the step (int) or the outside thing (str) it comes from."""

_GUARD: Any = torch._C.DisableTorchFunction
_ENTRANCE = "_compiled_call_impl"
"""Where `Module.__call__` looks for a call that stands in for its own, hooks and all. A module has
one where the user compiled it; a copy of it has none."""

_UNSEEN: Any = object()
_RETURNS_SELF_WHEN_OFF = frozenset(
    {"identity", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
     "feature_alpha_dropout"}
)  # fmt: skip

T = TypeVar("T")
Observer = Callable[[int, tuple[Tensor, ...]], None]


class Recorder(TorchFunctionMode):
    """Records one forward pass of `model`; use as a context manager around the call.

    Args:
        model: the copy to run; its hooks are put back as they were on leaving.
        redirect: the device to which everything the forward makes or moves is redirected, `meta`
            to keep it from allocating; None leaves devices alone.
        shape_of: how a tensor's sizes are read; a symbolic trace prints symbols by name here.
        observe: called with each step's number and output tensors, to look at values.
        runner: has torch run each leaf and each call; it may know the answer, or look at the clock.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        redirect: str | None = "meta",
        shape_of: Callable[[Tensor], Shape] = concrete_shape,
        observe: Observer | None = None,
        runner: Runner | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.redirect = redirect
        self.shape_of = shape_of
        self.observe = observe
        self.records: list[Record] = []
        self.called: set[int] = set()
        self.modules = tuple(named_modules_of(model))
        self.paths = {id(module): path for path, module in self.modules}
        self.registered = Registered(self.modules)
        self._open: list[int] = []
        self._inside = 0
        self._exit = ExitStack()
        self._failed: list[int] = []
        self._numbers: dict[int, int] = {}
        self._lazy = False
        self._functions: dict[Any, _Function | None] = {}
        self._runner = runner or PlainRunner()
        self._specs: dict[Any, TensorSpec] = {}
        self._layers: dict[type, tuple[str, Op, bool]] = {}

    # --- beginning and end

    def __enter__(self) -> Recorder:
        self._exit.enter_context(one_at_a_time())
        self._exit.callback(self._take_off)
        for _, module in self.modules:
            # A scripted module runs outside of Python: it is seen by what it calls.
            if not isinstance(module, torch.jit.ScriptModule):
                module.__dict__[_ENTRANCE] = partial(self._call_module, module)
        self._exit.enter_context(_functions_as_steps(self))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        self._exit.close()

    def _take_off(self) -> None:
        for _, module in self.modules:
            module.__dict__.pop(_ENTRANCE, None)
            for held in (module._parameters, module._buffers):
                for tensor in held.values():
                    if tensor is not None:
                        tensor.__dict__.pop(_TAG, None)

    # --- modules

    def _call_module(self, module: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Run `module` as one step, or as a step with steps inside."""
        if self._inside:
            return module._call_impl(*args, **kwargs)
        if is_leaf(module):
            return self._call_leaf(module, args, kwargs, sys._getframe(1))
        with _GUARD():
            record = self._begin(module, "module", args, kwargs, sys._getframe(1))
            record.attrs = ModuleAttrs(type(module).__name__)
        index, depth = len(self.records) - 1, len(self._open)
        self._open.append(index)
        try:
            output = module._call_impl(*args, **kwargs)
        except BaseException as error:
            self._fail(index, error)
            raise
        finally:
            del self._open[depth:]
        with _GUARD():
            record.outputs = self._specs_of(tensors_of(output))
        return output

    def _call_leaf(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType
    ) -> Any:
        # What a leaf calls belongs to it: nobody listens until it is left.
        with _GUARD():
            op, row, lazy = self._layer_kind(type(module))
            record = self._begin(module, op, args, kwargs, caller)
            index = len(self.records) - 1
            if not lazy:
                record.attrs = row.read_module(module, args, kwargs)
            self._inside += 1
            try:
                output = self._runner.of_layer(module, args, kwargs)
            except BaseException as error:
                self._fail(index, error)
                raise
            finally:
                self._inside -= 1
            if lazy:
                # It has become an ordinary layer by now.
                self._lazy = True
                record.op, row, _ = self._layer_kind(type(module))
                record.attrs = row.read_module(module, args, kwargs)
            if (
                record.op in _RETURNS_SELF_WHEN_OFF
                and args
                and output is args[0]
                and isinstance(output, Tensor)
                and not getattr(module, "inplace", False)
            ):
                # The same tensor in and out would blur which branch it went through.
                output = output.view_as(output)
            outputs = tensors_of(output)
            record.outputs = self._specs_of(outputs)
            self._made(index, outputs)
        return output

    def _layer_kind(self, kind: type) -> tuple[str, Op, bool]:
        """Op and row of a class of layers, and whether it is lazy; each is looked up once."""
        known = self._layers.get(kind)
        if known is None:
            op = op_of_module(kind)
            known = self._layers[kind] = (op, lookup(op), hasattr(kind, "_infer_parameters"))
        return known

    def _begin(
        self, module: nn.Module, op: str, args: Any, kwargs: Any, caller: FrameType
    ) -> Record:
        path = self.paths.get(id(module))
        if path is None:
            path = self._adopt(module)
        self.called.add(id(module))
        if kwargs and op != "module":
            kwargs = _in_order_of_forward(module, kwargs)
        inputs, sources = self._inputs_of((args, kwargs) if kwargs else args)
        record = self._append(path, op, "module", inputs, sources, user_frame(caller))
        record.module = module
        return record

    def _adopt(self, module: nn.Module) -> str:
        """A module that the forward made or that hides from registration: known by its class."""
        above = self.records[self._open[-1]].path if self._open else ""
        path = f"{above}.{type(module).__name__}" if above else type(module).__name__
        self.paths[id(module)] = path
        return path

    # --- functional calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.redirect is not None:
            func, args, kwargs = redirected(func, args, kwargs, self.redirect)
        if self._inside:
            return func(*args, **kwargs)
        known = self._functions.get(func, _UNSEEN)
        if known is _UNSEEN:
            known = self._functions[func] = _described(func)
        if known is None:
            return func(*args, **kwargs)
        return self.call(known, func, args, kwargs)

    def call(
        self,
        known: _Function,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run `func` as one step; what it calls inside belongs to it.

        A call that gives no tensor, or its own argument back, leaves no step.
        """
        name, row, in_place, repeats, swapped = known
        bound = row.bind(args[::-1] if swapped else args, kwargs)
        weights, skipped = self._weights_of(row, bound)
        given = row.in_order(bound) if kwargs or swapped else args
        inputs, sources = self._inputs_of(given, skipped)
        self._inside += 1
        try:
            result = self._runner.of_call(func, args, kwargs, repeats=repeats)
        except Exception as error:
            record = self._append(
                self._path(), name, "function", inputs, sources, user_frame(sys._getframe(1))
            )
            record.attrs = row.read_call(bound)
            record.params = weights
            self._fail(len(self.records) - 1, error)
            raise
        finally:
            self._inside -= 1
        if name == "setitem":
            outputs: tuple[Tensor, ...] = (args[0],)
        elif isinstance(result, Tensor):
            in_place = in_place or bool(bound.get("inplace"))
            if not in_place and args and result is args[0]:
                if name not in _RETURNS_SELF_WHEN_OFF:
                    return result
                result = result.view_as(result)
            outputs = (result,)
        else:
            outputs = tensors_of(result)
            if not outputs:
                return result
        record = self._append(
            self._path(), name, "function", inputs, sources, user_frame(sys._getframe(1))
        )
        if in_place:
            bound["inplace"] = True
        record.attrs = row.read_call(bound)
        record.params = weights
        record.outputs = self._specs_of(outputs)
        self._made(len(self.records) - 1, outputs)
        return result

    def _weights_of(
        self, row: Op, bound: Mapping[str, Any]
    ) -> tuple[tuple[ParamSpec, ...], frozenset[int]]:
        """The model's own parameters among the arguments, and the ids that are no inputs."""
        params, skipped = [], set()
        for role, value in bound.items():
            if not isinstance(value, Tensor) or id(value) not in self.registered.names:
                continue
            spec = self.registered.params.get(id(value))
            if spec is not None:
                params.append(spec)
            if role in row.weights:
                skipped.add(id(value))
        return tuple(params), frozenset(skipped)

    # --- bookkeeping

    def _path(self) -> str:
        return self.records[self._open[-1]].path if self._open else ""

    def _append(
        self,
        path: str,
        op: str,
        kind: str,
        inputs: list[TensorSpec],
        sources: list[int],
        site: Site | None,
    ) -> Record:
        parent = self._open[-1] if self._open else None
        record = Record(path, op, kind, parent, inputs, sources, site)
        self.records.append(record)
        return record

    def _inputs_of(
        self, value: Any, skipped: frozenset[int] = frozenset()
    ) -> tuple[list[TensorSpec], list[int]]:
        inputs, sources = [], []
        for tensor in tensors_of(value):
            if id(tensor) in skipped:
                continue
            tag = tensor.__dict__.get(_TAG)
            if type(tag) is int:
                sources.append(tag)
                inputs.append(self._spec(tensor))
            else:
                name = self.registered.names.get(id(tensor)) or tag or "constant"
                inputs.append(self._spec(tensor, name))
        return inputs, sources

    def _specs_of(self, tensors: tuple[Tensor, ...]) -> list[TensorSpec]:
        return [self._spec(tensor) for tensor in tensors]

    def _spec(self, tensor: Tensor, name: str | None = None) -> TensorSpec:
        if self.shape_of is not concrete_shape or type(tensor) is not Tensor:
            return spec_of(tensor, name, self.shape_of)
        # The same few shapes come again and again; they are the same object.
        key = tensor.shape, tensor.dtype, name
        spec = self._specs.get(key)
        if spec is None:
            spec = self._specs[key] = spec_of(tensor, name)
        return spec

    def _made(self, index: int, outputs: tuple[Tensor, ...]) -> None:
        for tensor in outputs:
            tensor.__dict__[_TAG] = index
        if self.observe is not None:
            with _GUARD():
                self.observe(index, outputs)

    def name_inputs(self, names_and_tensors: list[tuple[str, Tensor]]) -> None:
        """Tell the recorder what the model's inputs are called."""
        for name, tensor in names_and_tensors:
            tensor.__dict__[_TAG] = name

    def _fail(self, index: int, error: BaseException) -> None:
        self.records[index].error = error
        self._failed.append(index)

    # --- the result

    def finish(
        self, error: BaseException | None, definitions: Mapping[str, SourceSpan]
    ) -> tuple[tuple[Step, ...], Failure | None]:
        """The steps that were recorded, and how the pass failed if `error` ended it.

        They are numbered anew where the forward caught an error: `by_step` knows how.
        """
        if self._lazy:
            self.registered = Registered(tuple(named_modules_of(self.model)))
        failed = self._failing_record(error)
        steps, self._numbers = steps_of(self.records, failed, self.registered, definitions)
        if error is None:
            return steps, None
        return steps, failure_of(error, None if failed is None else self._numbers[failed])

    def by_step(self, observed: Mapping[int, T]) -> dict[int, T]:
        """What was observed while it ran, by the numbers that the steps have in the end."""
        return {new: observed[old] for old, new in self._numbers.items() if old in observed}

    def _failing_record(self, error: BaseException | None) -> int | None:
        if error is None:
            return None
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
            chain.append(cause)
        for index in self._failed:
            if any(self.records[index].error is link for link in chain):
                return index
        return None


class _Function(NamedTuple):
    """A function as far as it is known beforehand.

    `repeats`: given the same once more, it gives the same; nothing else happens. `swapped`: it
    takes the right side of a product first.
    """

    name: str
    row: Op
    in_place: bool
    repeats: bool
    swapped: bool = False


def _described(func: Any) -> _Function | None:
    """What is known of a function; None for what can never be a step."""
    raw = getattr(func, "__name__", None) or type(func).__name__
    if raw == "__get__":
        raw = getattr(func.__self__, "__name__", "") or getattr(
            getattr(func.__self__, "fget", None), "__name__", ""
        )
        if raw not in ("T", "mT", "H", "mH", "data", "real", "imag"):
            return None
    elif raw in ("__set__", "__delete__", "requires_grad_", "register_hook", "_set_grad_enabled"):
        return None
    if raw == "unfold" and func is Tensor.unfold:
        raw = "tensor_unfold"
    in_place = is_inplace(raw)
    name = canonical_name(raw)
    row = lookup(name)
    of_torch = (getattr(func, "__module__", None) or "torch").partition(".")[0] == "torch"
    special = in_place or row.view or row.factory or row.observed
    return _Function(name, row, in_place, of_torch and not special, raw == "__rmatmul__")


def _in_order_of_forward(module: nn.Module, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords in the order in which the layer's forward takes them, not in that of the call."""
    code = getattr(type(module).forward, "__code__", None)
    if code is None or len(kwargs) < 2:
        return kwargs
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: kwargs[name] for name in (*names, *kwargs) if name in kwargs}


def _functions_as_steps(recorder: Recorder) -> ExitStack:
    """Make each custom autograd Function one step, until the returned stack is closed."""
    stack = ExitStack()
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        run = original.__get__(None, cls)
        # Checkpointing only calls what it was given: that is opened.
        if recorder._inside or cls.__module__ == "torch.utils.checkpoint":
            return run(*args, **kwargs)
        name = snake_case(cls.__name__)
        return recorder.call(_Function(name, lookup(name), False, False), run, args, kwargs)

    torch.autograd.Function.apply = classmethod(apply)
    stack.callback(setattr, torch.autograd.Function, "apply", original)
    return stack
