"""What one forward pass does, written down while it runs.

Two listeners share the work. Hooks on every module mark where a module begins and ends: a leaf
(a layer of torch.nn) becomes one step, every other module a step with steps inside. A
`TorchFunctionMode` sees each functional call between them. Tensors carry the number of the step
that made them, which gives the graph.

The recorder only ever works on a copy of the user's model (see `tensors`), and takes off all that
it put on when it is left, however it is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapescope.attrs import ModuleAttrs
from shapescope.capture.leaves import is_leaf
from shapescope.capture.records import Record, Registered, Site, failure_of, steps_of
from shapescope.capture.redirect import redirected
from shapescope.capture.source import user_frame
from shapescope.capture.tensors import concrete_shape, dtype_name, spec_of, tensors_in
from shapescope.ops import Op, canonical_name, is_inplace, lookup, op_of_module, snake_case
from shapescope.trace import Failure, ParamSpec, Shape, SourceSpan, Step, TensorSpec

_TAG = "_shapescope_source"
"""The attribute by which a tensor names the step (int) or the outside thing (str) it comes from."""

_GUARD: Any = torch._C.DisableTorchFunction
_UNSEEN: Any = object()
_RETURNS_SELF_WHEN_OFF = frozenset(
    {"identity", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
     "feature_alpha_dropout"}
)  # fmt: skip

Observer = Callable[[int, tuple[Tensor, ...]], None]


class Recorder(TorchFunctionMode):
    """Records one forward pass of `model`; use as a context manager around the call.

    Args:
        model: the copy to run; its hooks are put back as they were on leaving.
        redirect: the device to which everything the forward makes or moves is redirected, `meta`
            to keep it from allocating; None leaves devices alone.
        shape_of: how a tensor's sizes are read; a symbolic trace prints symbols by name here.
        observe: called with each step's number and output tensors, to look at values.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        redirect: str | None = "meta",
        shape_of: Callable[[Tensor], Shape] = concrete_shape,
        observe: Observer | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.redirect = redirect
        self.shape_of = shape_of
        self.observe = observe
        self.records: list[Record] = []
        self.called: set[int] = set()
        self.paths = {id(module): path for path, module in model.named_modules()}
        self._open: list[int] = []
        self._leaf: int | None = None
        self._leaf_guard: Any = None
        self._inside_call = 0
        self._exit = ExitStack()
        self._failed: list[int] = []
        self._lazy: set[int] = set()
        self._rows: dict[Any, tuple[str, Op, bool] | None] = {}
        self.registered = Registered(model)

    # --- beginning and end

    def __enter__(self) -> Recorder:
        self._exit.callback(self._remove_tags)
        for module in self.model.modules():
            try:
                before = module.register_forward_pre_hook(
                    self._enter_module, prepend=True, with_kwargs=True
                )
                after = module.register_forward_hook(
                    self._leave_module, with_kwargs=True, always_call=True
                )
            except RuntimeError:
                # A scripted module refuses hooks: it is seen by what it calls.
                continue
            self._exit.callback(before.remove)
            self._exit.callback(after.remove)
        self._exit.enter_context(_functions_as_steps(self))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        self._leave_leaf()
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        self._exit.close()

    def _remove_tags(self) -> None:
        for tensor in (*self.model.parameters(), *self.model.buffers()):
            tensor.__dict__.pop(_TAG, None)

    # --- modules

    def _enter_module(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._leaf is not None or self._inside_call:
            if self._leaf is not None:
                self._open.append(-1)
            return
        with _GUARD():
            path = self.paths.get(id(module))
            if path is None:
                path = self._adopt(module)
            self.called.add(id(module))
            leaf = is_leaf(module)
            inputs, sources = self._inputs_of((args, kwargs))
            op = op_of_module(type(module)) if leaf else "module"
            record = self._append(path, op, "module", inputs, sources, user_frame(sys._getframe(1)))
            record.module = module
            record.handling = sys.exc_info()[1]
            if leaf:
                self._leaf = len(self.records) - 1
                if hasattr(module, "_infer_parameters"):
                    self._lazy.add(len(self.records) - 1)
                else:
                    record.attrs = lookup(op).read_module(module, args, kwargs)
            else:
                record.attrs = ModuleAttrs(type(module).__name__)
            self._open.append(len(self.records) - 1)
        if leaf:
            # What a leaf calls belongs to it: nobody listens until it is left.
            self._leaf_guard = _GUARD()
            self._leaf_guard.__enter__()

    def _leave_module(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        if not self._open or self._inside_call:
            return None
        index = self._open.pop()
        if index < 0:
            return None
        if self._leaf == index:
            self._leave_leaf()
        with _GUARD():
            record = self.records[index]
            error = sys.exc_info()[1]
            if error is not None and error is not record.handling:
                self._fail(index, error)
                return None
            if record.op != "module":
                replaced = self._finish_leaf(index, record, args, kwargs, output)
                if replaced is not None:
                    return replaced
            record.outputs = [self._spec(tensor) for tensor in tensors_in(output)]
        return None

    def _leave_leaf(self) -> None:
        self._leaf = None
        if self._leaf_guard is not None:
            self._leaf_guard.__exit__(None, None, None)
            self._leaf_guard = None

    def _finish_leaf(self, index: int, record: Record, args: Any, kwargs: Any, output: Any) -> Any:
        module = record.module
        if index in self._lazy and module is not None:
            # A lazy layer has become an ordinary one by now.
            record.op = op_of_module(type(module))
            record.attrs = lookup(record.op).read_module(module, args, kwargs)
        replaced = None
        returns_self = isinstance(output, Tensor) and bool(args) and output is args[0]
        if returns_self and record.op in _RETURNS_SELF_WHEN_OFF and not _in_place(module):
            # The same tensor in and out would blur which branch it went through.
            replaced = output = output.view_as(output)
        self._made(index, tuple(tensors_in(output)))
        record.outputs = [self._spec(tensor) for tensor in tensors_in(output)]
        return replaced

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
        if self._leaf is not None or self._inside_call:
            return func(*args, **kwargs)
        known = self._rows.get(func, _UNSEEN)
        if known is _UNSEEN:
            known = self._rows[func] = _describe(func)
        if known is None:
            return func(*args, **kwargs)
        name, row, in_place = known
        return self.call(name, row, in_place, func, args, kwargs)

    def call(
        self,
        name: str,
        row: Op,
        in_place: bool,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Run `func` as one step; what it calls inside belongs to it.

        A call that gives no tensor, or its own argument back, leaves no step.
        """
        self._inside_call += 1
        bound = row.bind(args, kwargs)
        weights, skipped = self._weights_of(row, bound)
        inputs, sources = self._inputs_of((args, kwargs), skipped)
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            record = self._append(
                self._path(), name, "function", inputs, sources, user_frame(sys._getframe(1))
            )
            record.attrs = row.read_call(bound)
            record.params = weights
            self._fail(len(self.records) - 1, error)
            raise
        finally:
            self._inside_call -= 1
        if name == "setitem":
            outputs: tuple[Tensor, ...] = (args[0],)
        else:
            if isinstance(result, Tensor):
                in_place = in_place or bool(bound.get("inplace"))
                if not in_place and args and result is args[0]:
                    if name not in _RETURNS_SELF_WHEN_OFF:
                        return result
                    result = result.view_as(result)
                outputs = (result,)
            else:
                outputs = tuple(tensors_in(result))
            if not outputs:
                return result
        record = self._append(
            self._path(), name, "function", inputs, sources, user_frame(sys._getframe(1))
        )
        if in_place:
            bound["inplace"] = True
        record.attrs = row.read_call(bound)
        record.params = weights
        record.outputs = [self._spec(tensor) for tensor in outputs]
        self._made(len(self.records) - 1, outputs)
        return result

    def _weights_of(
        self, row: Op, bound: Mapping[str, Any]
    ) -> tuple[tuple[ParamSpec, ...], frozenset[int]]:
        """The model's own parameters among the arguments, and the ids that are no inputs."""
        params, skipped = [], set()
        for role, value in bound.items():
            if not isinstance(value, Tensor):
                continue
            spec = self.registered.params.get(id(value))
            if spec is not None:
                params.append(spec)
            if role in row.weights and id(value) in self.registered.names:
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
        for tensor in tensors_in(value):
            if id(tensor) in skipped:
                continue
            tag = tensor.__dict__.get(_TAG)
            if isinstance(tag, int):
                sources.append(tag)
                inputs.append(self._spec(tensor))
            else:
                name = self.registered.names.get(id(tensor)) or tag or "constant"
                inputs.append(self._spec(tensor, name))
        return inputs, sources

    def _spec(self, tensor: Tensor, name: str | None = None) -> TensorSpec:
        if self.shape_of is concrete_shape and type(tensor) is Tensor:
            return TensorSpec(tuple(tensor.shape), dtype_name(tensor.dtype), name)
        return spec_of(tensor, name, self.shape_of)

    def _made(self, index: int, outputs: tuple[Tensor, ...]) -> None:
        for tensor in outputs:
            tensor.__dict__[_TAG] = index
        if self.observe is not None:
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
        """The steps that were recorded, and how the pass failed if `error` ended it."""
        if self._lazy:
            self.registered.index()
        failed = self._failing_record(error)
        steps, renumbered = steps_of(self.records, failed, self.registered, definitions)
        if error is None:
            return steps, None
        return steps, failure_of(error, None if failed is None else renumbered[failed])

    def _failing_record(self, error: BaseException | None) -> int | None:
        if error is None:
            return None
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
            chain.append(cause)
        for index in self._failed:
            if any(self.records[index].error is link for link in chain):
                return index
        return self._open[-1] if self._open else None


def _in_place(module: nn.Module | None) -> bool:
    return bool(getattr(module, "inplace", False))


def _describe(func: Any) -> tuple[str, Op, bool] | None:
    """Name, registry row and whether in place; None for what can never be a step."""
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
    return name, lookup(name), in_place


def _functions_as_steps(recorder: Recorder) -> ExitStack:
    """Make each custom autograd Function one step, until the returned stack is closed."""
    stack = ExitStack()
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        run = original.__get__(None, cls)
        if recorder._leaf is not None or recorder._inside_call:
            return run(*args, **kwargs)
        name = snake_case(cls.__name__)
        return recorder.call(name, lookup(name), False, run, args, kwargs)

    torch.autograd.Function.apply = classmethod(apply)
    stack.callback(setattr, torch.autograd.Function, "apply", original)
    return stack
