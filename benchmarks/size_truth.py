"""Whether a model runs at a size, found by running it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load

Key = tuple[Any, ...]
Layout = tuple[torch.Size, tuple[int, ...], torch.dtype]
Layouts = Layout | list[Layout]

REMEMBERED = 5_000
"""Calls kept for each module: sizes come row by row, and deeper maps have fewer of them."""


class Truth:
    """Whether a model runs at a size, by running it for batches of 2 and 3.

    Knows nothing of how sizes are worked out. On meta, a submodule or a function of torch that is
    called again with tensors of the same shapes, strides and dtypes gives what it gave before,
    without running: a pass on meta has no values, so the second run could not end otherwise. No
    size is left out by that, and none is inferred from another. Functions that change each value by
    itself, and batch norm in eval mode, hand the map on: they refuse no size, and take longer on
    meta than all else together.

    Used in a `with`: what surrounds the user's file stays in place from the first size to the last.
    """

    def __init__(self, model: str, inputs: tuple[str, ...], axes: Any, device: str) -> None:
        loaded = load(model)
        self._environment = loaded.environment()
        self.device = device
        self.module = loaded.build(device).module.eval()
        self._memory: AbstractContextManager[Any] = nullcontext()
        if device == "meta":
            self._memory = Remembering()
            for child in self.module.modules():
                kind = type(child)
                if kind in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
                    child.forward = _norm(child)
                elif kind in (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid):
                    child.forward = _as_it_is
                elif kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.MaxPool2d, nn.AvgPool2d):
                    child.forward = remembering(_alone(child.forward))
                elif child is not self.module:
                    child.forward = remembering(child.forward)
        specs = parse_inputs(inputs) or loaded.default_inputs
        self.specs = specs
        self.axes = axes
        self.batch = (specs[0].shape or (1,))[0]

    def __enter__(self) -> Truth:
        self._environment.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._environment.__exit__(kind, error, trace)

    def __call__(self, sizes: Mapping[str, int]) -> bool:
        """Whether it runs with both batches and keeps them."""
        return all(self._runs(sizes, batch) for batch in (2, 3))

    def _runs(self, sizes: Mapping[str, int], batch: int) -> bool:
        args, kwargs = self._inputs(sizes, batch)
        try:
            with torch.no_grad(), self._memory:
                outputs = list(_tensors(self.module(*args, **kwargs)))
        except Exception:  # noqa: BLE001  # whatever a model raises, the size does not fit
            return False
        return bool(outputs) and all(
            tensor.dim() > 0 and tensor.shape[0] == batch for tensor in outputs
        )

    def _inputs(
        self, sizes: Mapping[str, int], batch: int
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        positional = [spec for spec in self.specs if spec.name is None]
        named = [spec for spec in self.specs if spec.name is not None]
        args: list[Tensor] = []
        kwargs: dict[str, Tensor] = {}
        for number, spec in enumerate((*positional, *named)):
            shape = list(spec.shape or ())
            if shape and shape[0] == self.batch:
                shape[0] = batch
            for axis in self.axes:
                if axis["input"] == number:
                    shape[axis["axis"]] = sizes[axis["name"]]
            dtype = getattr(torch, spec.dtype)
            if dtype.is_floating_point and self.device == "cpu":
                tensor = torch.randn(shape, dtype=dtype)
            else:
                tensor = torch.zeros(shape, dtype=dtype, device=self.device)
            if spec.name is None:
                args.append(tensor)
            else:
                kwargs[spec.name] = tensor
        return args, kwargs


class Memory:
    """What calls gave, told apart by a key."""

    def __init__(self) -> None:
        self._known: dict[Key, Layouts | Exception] = {}

    def call(self, key: Key, run: Callable[[], Any]) -> Any:
        """What the call with this key gives; it is run where that is not known."""
        found = self._known.get(key)
        if found is None:
            return self._run(key, run)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, list):
            return [_again(each) for each in found]
        return _again(found)

    def _run(self, key: Key, run: Callable[[], Any]) -> Any:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        try:
            made = run()
        except Exception as error:
            self._known[key] = error.with_traceback(None)
            raise
        if type(made) is Tensor:
            self._known[key] = _layout(made)
        elif type(made) is list and all(type(value) is Tensor for value in made):
            self._known[key] = [_layout(value) for value in made]
        return made


def _norm(norm: Any) -> Callable[[Tensor], Tensor]:
    """Batch norm in eval mode, for shapes: its own refusals, and the map."""

    def forward(x: Tensor) -> Tensor:
        norm._check_input_dim(x)
        if x.shape[1] != norm.num_features:
            raise ValueError(f"{norm.num_features} channels, not {x.shape[1]}")
        return x

    return forward


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _alone(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The forward of a layer that is remembered as a whole: nothing in it is remembered again."""

    def call(*args: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return forward(*args)

    return call


def remembering(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that runs once for each set of tensors on meta, told apart by their layout."""
    memory = Memory()

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs or not all(type(value) is Tensor for value in args):
            return forward(*args, **kwargs)
        return memory.call(tuple(map(_layout, args)), lambda: forward(*args))

    return call


class Remembering(TorchFunctionMode):
    """Functions of torch run once for each set of arguments."""

    def __init__(self) -> None:
        super().__init__()
        self._memories: defaultdict[Any, Memory] = defaultdict(Memory)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _VALUE_BY_VALUE:
            return args[0]
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" or (name.endswith("_") and not name.endswith("__")):
            return func(*args, **kwargs)  # what tensors are asked, and what may change them
        try:
            key = (_key(args), _key(tuple(kwargs.items())))
        except TypeError:
            return func(*args, **kwargs)
        return self._memories[func].call(key, lambda: func(*args, **kwargs))


def _key(value: Any) -> Any:
    kind = type(value)
    if kind is Tensor or kind is nn.Parameter:
        return _layout(value)
    if kind is tuple or kind is list or kind is torch.Size:
        return kind, tuple(map(_key, value))
    if kind is slice:
        return kind, value.start, value.stop, value.step
    if value is None or value is Ellipsis or kind in _PLAIN:
        return kind, value
    raise TypeError(kind)


_VALUE_BY_VALUE = frozenset(
    {F.relu, F.leaky_relu, F.tanh, F.sigmoid, torch.relu, torch.tanh, torch.sigmoid, torch.relu_}
)
_PLAIN = frozenset({int, float, bool, str, torch.dtype, torch.device})


def _layout(tensor: Tensor) -> Layout:
    return tensor.shape, tensor.stride(), tensor.dtype


def _again(layout: Layout) -> Tensor:
    shape, stride, dtype = layout
    return torch.empty_strided(shape, stride, dtype=dtype, device="meta")


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
