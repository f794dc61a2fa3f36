"""What one forward pass does, written down while it runs.

Two listeners share the work. Every module is called through the recorder, which marks where it
begins and ends: a leaf (a layer of torch.nn) becomes one step, every other module a step with steps
inside. A `TorchFunctionMode` sees each functional call between them. Tensors carry the number of
the step that made them, which gives the graph (see `provenance`).

The recorder only ever works on a copy of the user's model (see `tensors`), and takes off all that
it put on when it is left, however it is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapescope.attrs import ModuleAttrs
from shapescope.capture.called import RETURNS_SELF_WHEN_OFF, Called, described, in_order_of_forward
from shapescope.capture.custom_functions import applied_as_steps
from shapescope.capture.leaves import is_leaf
from shapescope.capture.log import Log
from shapescope.capture.module_tree import named_modules_of
from shapescope.capture.opened import call_of_stand_in, public_of_operator, scripts_as_steps
from shapescope.capture.provenance import Provenance
from shapescope.capture.records import Record, Registered
from shapescope.capture.redirect import redirected
from shapescope.capture.runner import PlainRunner, Runner
from shapescope.capture.source import user_frame
from shapescope.capture.tensors import concrete_shape, tensors_of
from shapescope.capture.transforms import handed_on
from shapescope.ops import Op, lookup, op_of_module
from shapescope.trace import Failure, Shape, SourceSpan, Step
from shapescope.turns import one_at_a_time

_GUARD: Any = torch._C.DisableTorchFunction
_ENTRANCE = "_compiled_call_impl"
"""Where `Module.__call__` looks for a call that stands in for its own, hooks and all. A module has
one where the user compiled it; a copy of it has none."""

_UNSEEN: Any = object()
T = TypeVar("T")
Observer = Callable[[int, tuple[Tensor, ...]], None]


class _Again:
    """Lets a mode see what is called while it handles a call, in which torch leaves it out."""

    def __init__(self, mode: TorchFunctionMode) -> None:
        self._mode = mode

    def __enter__(self) -> None:
        torch.overrides._push_mode(self._mode)  # type: ignore[no-untyped-call]

    def __exit__(self, *exception: object) -> None:
        torch.overrides._pop_mode()  # type: ignore[no-untyped-call]


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
        self.observe = observe
        self.log = Log()
        self.called: set[int] = set()
        self.modules = tuple(named_modules_of(model))
        self.paths = {id(module): path for path, module in self.modules}
        self.registered = Registered(self.modules)
        self._inside = 0
        self._exit = ExitStack()
        self._lazy = False
        self._functions: dict[Any, Called | Callable[..., Any] | None] = {}
        self._runner = runner or PlainRunner()
        self._provenance = Provenance(self.registered, shape_of)
        self._layers: dict[type, tuple[str, Op, bool]] = {}

    # --- beginning and end

    def __enter__(self) -> Recorder:
        self._exit.enter_context(one_at_a_time())
        self._exit.callback(self._take_off)
        for _, module in self.modules:
            # A scripted module runs outside of Python: it is seen by what it calls.
            if not isinstance(module, torch.jit.ScriptModule):
                module.__dict__[_ENTRANCE] = partial(self._call_module, module)
        self._exit.enter_context(applied_as_steps(self.call, lambda: self._inside > 0))
        self._exit.enter_context(scripts_as_steps(self.call, lambda: self._inside > 0))
        self._exit.enter_context(handed_on(self._provenance.hand_on))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        self._exit.close()

    def _take_off(self) -> None:
        for _, module in self.modules:
            module.__dict__.pop(_ENTRANCE, None)

    # --- modules

    def _call_module(self, module: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Run `module` as one step, or as a step with steps inside."""
        if self._inside:
            self.called.add(id(module))
            return module._call_impl(*args, **kwargs)
        if is_leaf(module):
            return self._call_leaf(module, args, kwargs, sys._getframe(1))
        with _GUARD():
            record = self._begin(module, "module", args, kwargs, sys._getframe(1))
            record.attrs = ModuleAttrs(type(module).__name__)
        index, depth = self.log.last, len(self.log.open)
        self.log.open.append(index)
        try:
            output = module._call_impl(*args, **kwargs)
        except BaseException as error:
            self.log.fail(index, error)
            raise
        finally:
            del self.log.open[depth:]
        with _GUARD():
            record.outputs = self._provenance.outputs_of(tensors_of(output))
        return output

    def _call_leaf(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType
    ) -> Any:
        # What a leaf calls belongs to it: nobody listens until it is left.
        with _GUARD():
            op, row, lazy = self._layer_kind(type(module))
            record = self._begin(module, op, args, kwargs, caller)
            index = self.log.last
            if not lazy:
                record.attrs = row.read_module(module, args, kwargs)
            self._inside += 1
            try:
                output = self._runner.of_layer(module, args, kwargs)
            except BaseException as error:
                self.log.fail(index, error)
                raise
            finally:
                self._inside -= 1
            if lazy:
                # It has become an ordinary layer by now.
                self._lazy = True
                record.op, row, _ = self._layer_kind(type(module))
                record.attrs = row.read_module(module, args, kwargs)
            if (
                record.op in RETURNS_SELF_WHEN_OFF
                and args
                and output is args[0]
                and isinstance(output, Tensor)
                and not getattr(module, "inplace", False)
            ):
                # The same tensor in and out would blur which branch it went through.
                output = output.view_as(output)
            outputs = tensors_of(output)
            if not outputs:
                self.log.take_back(index)  # an Identity that hands on None
                return output
            record.outputs = self._provenance.outputs_of(outputs)
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
            kwargs = in_order_of_forward(module, kwargs)
        inputs, sources = self._provenance.inputs_of((args, kwargs) if kwargs else args)
        record = self.log.add(path, op, "module", inputs, sources, user_frame(caller))
        record.module = module
        return record

    def _adopt(self, module: nn.Module) -> str:
        """A module that the forward made or that hides from registration: known by its class."""
        above = self.log.path
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
        if types and (opened := call_of_stand_in(func, types, args, kwargs)):
            with _Again(self):
                return opened()
        known = self._functions.get(func, _UNSEEN)
        if known is _UNSEEN:
            known = self._functions[func] = public_of_operator(func) or described(func)
        if type(known) is Called:
            return self.call(known, func, args, kwargs)
        if known is None:
            return func(*args, **kwargs)
        with _Again(self):
            return known(*args, **kwargs)

    def call(
        self,
        known: Called,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run `func` as one step; what it calls inside belongs to it.

        A call that gives no tensor, or its own argument back, leaves no step.
        """
        name, row, in_place, repeats, swapped = known
        bound = row.bind(args[::-1] if swapped else args, kwargs)
        weights, skipped = self._provenance.weights_of(row, bound)
        given = row.in_order(bound) if kwargs or swapped else args
        inputs, sources = self._provenance.inputs_of(given, skipped)
        self._inside += 1
        try:
            result = self._runner.of_call(func, args, kwargs, repeats=repeats)
        except Exception as error:
            record = self.log.add(
                self.log.path, name, "function", inputs, sources, user_frame(sys._getframe(1))
            )
            record.attrs = row.read_call(bound)
            record.params = weights
            self.log.fail(self.log.last, error)
            raise
        finally:
            self._inside -= 1
        if name == "setitem":
            outputs: tuple[Tensor, ...] = (args[0],)
        elif isinstance(result, Tensor):
            in_place = in_place or bool(bound.get("inplace"))
            if not in_place and args and result is args[0]:
                if name not in RETURNS_SELF_WHEN_OFF:
                    return result
                result = result.view_as(result)
            outputs = (result,)
        else:
            outputs = tensors_of(result)
            if not outputs:
                return result
        record = self.log.add(
            self.log.path, name, "function", inputs, sources, user_frame(sys._getframe(1))
        )
        if in_place:
            bound["inplace"] = True
        record.attrs = row.read_call(bound)
        record.params = weights
        record.outputs = self._provenance.outputs_of(outputs)
        self._made(self.log.last, outputs)
        return result

    # --- bookkeeping

    def _made(self, index: int, outputs: tuple[Tensor, ...]) -> None:
        self._provenance.made(index, outputs)
        if self.observe is not None:
            with _GUARD():
                self.observe(index, outputs)

    def name_inputs(self, names_and_tensors: list[tuple[str, Tensor]]) -> None:
        """Tell the recorder what the model's inputs are called."""
        self._provenance.name(names_and_tensors)

    # --- the result

    def finish(
        self, error: BaseException | None, definitions: Mapping[str, SourceSpan]
    ) -> tuple[tuple[Step, ...], Failure | None]:
        """The steps that were recorded, and how the pass failed if `error` ended it.

        They are numbered anew where the forward caught an error: `by_step` knows how.
        """
        if self._lazy:
            self.registered = Registered(tuple(named_modules_of(self.model)))
        return self.log.finish(error, self.registered, definitions)

    def by_step(self, observed: Mapping[int, T]) -> dict[int, T]:
        """What was observed while it ran, by the numbers that the steps have in the end."""
        return self.log.by_step(observed)
