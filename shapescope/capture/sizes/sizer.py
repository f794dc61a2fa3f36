"""A model that can be run at any size: with formulas, on meta, and on real tensors."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from shapescope.arithmetic.expressions import BATCH
from shapescope.capture.inputs import InputSpec, input_names
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.passes import Pass, run_pass
from shapescope.capture.sizes.axes import (
    axis_names,
    channel_axes,
    free_axes,
    probe_names,
    shape_at,
)
from shapescope.capture.sizes.hints import hints_unread
from shapescope.capture.sizes.passage import run_passage
from shapescope.capture.sizes.wanted import wanted_inputs
from shapescope.capture.subject import Arguments, Subject, are_arguments, arguments_on, shaped
from shapescope.capture.tensors import dtype_name, map_tensors, placed_tensors
from shapescope.capture.untouched.copies import meta_copy, real_copy
from shapescope.ops import lookup
from shapescope.trace import TensorSpec
from shapescope.valid_sizes import FreeAxis, Passage, without_losses

TWO = 2
"""The smallest batch that counts."""

_COPIED_VALUES = 50_000_000
"""A real model of up to this many values is copied for every run, so that runs are apart."""


class Sizer:
    """One model and its inputs, with some axes free.

    Args:
        model: what a user named, or a live module, which is never moved or changed.
        inputs: specs to make inputs from, or the inputs themselves.
        train: run it in training mode.

    Raises:
        ShapescopeError: the model cannot be built, or an input cannot be made.
    """

    def __init__(
        self,
        model: LoadedModel | nn.Module,
        inputs: Sequence[InputSpec] | Arguments,
        *,
        train: bool = False,
    ) -> None:
        self._subject = Subject(model)
        self._train = train
        self._environment = model.environment if isinstance(model, LoadedModel) else None
        with self.inside():
            self._master = shaped(self._subject.on("meta").train(train), inputs, "meta")
            self.definitions = self._subject.definitions()
            self._arguments = _as_arguments(inputs, self._master)
        self.name = self._subject.name
        self._real: nn.Module | None = None
        self.wanted = wanted_inputs(self._arguments)
        self.device = "meta"
        self.axes: tuple[FreeAxis, ...] = ()
        self._probe()

    # --- the axes

    def _probe(self) -> None:
        self._join_nodes()
        names = probe_names(self.wanted)
        sizes = {
            name: size
            for row, one in zip(names, self.wanted, strict=True)
            for name, size in zip(row, one.shape_at(TWO), strict=True)
            if name is not None
        }
        probe = self._passage(names, sizes, TWO, "meta")
        channels = channel_axes(self.wanted, probe)
        led = zip(self.wanted, channels, strict=True)
        if any(channel in one.batch_axes for one, channel in led):
            # channels come first: there is no batch
            self.wanted = [replace(one, batch_axes=()) for one in self.wanted]
        self.axes = free_axes(self.wanted, channels)
        self.has_batch = any(one.batch_axes for one in self.wanted)

    def _join_nodes(self) -> None:
        """Take a square input for a graph's adjacency where the model runs in no other way."""
        batch = self.asked_batch
        joined = [
            replace(one, batch_axes=(0, 1))
            if one.batch_axes and batch > 1 and one.shape[1:] == (batch,)
            else one
            for one in self.wanted
        ]
        if joined == self.wanted or len(joined) < 2:
            return
        self.axes = ()
        apart = self.wanted
        for device in ("meta", "cpu"):
            for wanted in (apart, joined):
                self.wanted = wanted
                self.has_batch = False
                if self.fits({}, TWO, device):
                    return
        self.wanted = apart

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs as they were asked for."""
        args, kwargs = self._arguments
        names = input_names(self._master, len(args))
        labels: list[str | None] = []
        for label, value in (*zip(names, args, strict=True), *kwargs.items()):
            places = placed_tensors(value, label or "")
            labels.extend(None if label is None else place for place, _ in places)
        return tuple(
            TensorSpec(one.shape, dtype_name(one.dtype), label)
            for one, label in zip(self.wanted, labels, strict=True)
        )

    @property
    def asked(self) -> dict[str, int]:
        """The sizes of the free axes as they were asked for."""
        return {free.name: self.wanted[free.input].shape[free.axis] for free in self.axes}

    @property
    def asked_batch(self) -> int:
        """The batch that was asked for."""
        return next((one.shape[0] for one in self.wanted if one.batch_axes), 1)

    # --- runs

    def passage_as_asked(self, left_open: Collection[str]) -> Passage:
        """One pass with formulas of these axes alone, all sizes as they were asked for.

        It may end in outputs that do not keep the batch.
        """
        rows = axis_names(self.wanted, self.axes, BATCH)
        names = [[axis if axis in left_open else None for axis in row] for row in rows]
        sizes = self.open_sizes(left_open)
        batch = sizes.get(BATCH, self.asked_batch)
        return self._passage(names, sizes, batch, self.device, keeps_batch=False)

    def open_sizes(self, left_open: Collection[str]) -> dict[str, int]:
        """The sizes of these axes as they were asked for, of the batch two."""
        known = {**self.asked, **({BATCH: TWO} if self.has_batch else {})}
        return {axis: size for axis, size in known.items() if axis in left_open}

    def passage(self, sizes: Mapping[str, int], batch: int | None = None) -> Passage:
        """One pass with formulas; the batch is open too unless it is given."""
        names = axis_names(self.wanted, self.axes, BATCH if batch is None else None)
        given = dict(sizes)
        if batch is None and self.has_batch:
            given[BATCH] = TWO
        return self._passage(names, given, batch or TWO, self.device)

    def _passage(
        self,
        names: list[list[str | None]],
        sizes: dict[str, int],
        batch: int,
        device: str,
        *,
        keeps_batch: bool = True,
    ) -> Passage:
        has_batch = keeps_batch and any(one.batch_axes for one in self.wanted)
        with self.inside(), _reading(device):
            arguments = self._made(names, sizes, batch, device)
            return run_passage(
                self._module(device),
                arguments,
                names,
                sizes,
                self.definitions,
                batch=batch if has_batch else None,
                device=device,
            )

    def fits(self, sizes: Mapping[str, int], batch: int = TWO, device: str = "meta") -> bool:
        """Whether the model runs at these sizes, and keeps the batch, in a plain pass."""
        done = self.plain_pass(sizes, batch, device)
        if done.failure is not None:
            return False
        if device == "meta" and any(lookup(step.op).refusal(step) for step in done.steps):
            return False
        if not done.trace.outputs:
            return False
        made = without_losses([spec.shape for spec in done.trace.outputs])
        return not self.has_batch or all(shape[:1] == (batch,) for shape in made)

    def plain_pass(self, sizes: Mapping[str, int], batch: int = TWO, device: str = "meta") -> Pass:
        """A pass without formulas."""
        rows = axis_names(self.wanted, self.axes, None)
        with self.inside(), _reading(device):
            args, kwargs = self._made(rows, dict(sizes), batch, device)
            return run_pass(
                self._module(device),
                args,
                kwargs,
                mode="meta" if device == "meta" else "real",
                redirect=device,
                definitions=self.definitions,
                names=input_names(self._master, len(args)),
            )

    def seconds_of_a_pass(self, sizes: Mapping[str, int], device: str = "meta") -> float:
        """How long a plain pass takes here."""
        began = time.monotonic()
        self.plain_pass(sizes, TWO, device)
        return time.monotonic() - began

    @property
    def parameter_count(self) -> int:
        """How many values the model's parameters hold."""
        return sum(parameter.numel() for parameter in self._master.parameters())

    # --- what a run needs

    def _module(self, device: str) -> nn.Module:
        if device == "meta":
            return meta_copy(self._master).train(self._train)
        if self._real is None:
            self._real = shaped(self._subject.on("cpu").train(self._train), self._arguments, "cpu")
        values = sum(tensor.numel() for tensor in self._real.parameters())
        return real_copy(self._real).train(self._train) if values <= _COPIED_VALUES else self._real

    def _made(
        self, names: Sequence[Sequence[str | None]], sizes: dict[str, int], batch: int, device: str
    ) -> Arguments:
        generator = torch.Generator().manual_seed(0)
        shapes = iter(
            (one, shape_at(row, one.shape_at(batch), sizes))
            for one, row in zip(self.wanted, names, strict=True)
        )

        def make(tensor: Tensor) -> Tensor:
            one, shape = next(shapes)
            if device == "meta":
                return torch.empty(shape, dtype=one.dtype, device="meta")
            return one.random(shape, generator)

        args, kwargs = map_tensors(make, self._arguments)
        return tuple(args), dict(kwargs)

    def inside(self) -> AbstractContextManager[None]:
        """What surrounds the user's file, in place; one entry serves all runs within it."""
        return nullcontext() if self._environment is None else self._environment()


def _reading(device: str) -> AbstractContextManager[None]:
    """On meta, what layers read of values for a hint alone is not read."""
    return hints_unread() if device == "meta" else nullcontext()


def _as_arguments(inputs: Sequence[InputSpec] | Arguments, module: nn.Module) -> Arguments:
    if are_arguments(inputs):
        args, kwargs = inputs
        return tuple(args), dict(kwargs)
    return arguments_on("cpu", inputs, module)
