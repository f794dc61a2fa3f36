"""How much memory a model takes: for parameters, gradients and optimizer, and at its peak.

The peak of an inference follows which tensors are alive: from the step that makes them to the
last one that reads them, or to the end of a module that was called with them, whose caller holds
them. The peak of a training step goes on from there through the backward pass, where what autograd
kept is let go step by step while the gradients of the parameters appear, and the optimizer's step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from shapescope.analysis.storage import Storages, storages, tensor_bytes
from shapescope.trace import Trace

OPTIMIZERS = {"sgd": 0, "momentum": 1, "adagrad": 1, "rmsprop": 1, "adam": 2, "adamw": 2}
"""How many values each optimizer keeps for a parameter."""

_TEMPORARIES = {"adam": 2, "adamw": 2, "rmsprop": 1, "adagrad": 1}
"""Copies of the largest parameter that an optimizer makes on the way."""

_PASSES_GRADIENT_ON = frozenset({"add", "identity", "setitem"})


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, by what they are for.

    Attributes:
        parameters: all parameters, each once.
        buffers: all buffers.
        inputs: the tensors given to the model.
        gradients: of the trainable parameters.
        optimizer_state: what the optimizer keeps for them.
        activations: what autograd keeps for the backward pass, parameters apart.
        inference_peak: the most that is held at once without gradients, all of the above that
            exists then included.
        training_peak: the most in a whole step of training, from the second one on.
    """

    parameters: int
    buffers: int
    inputs: int
    gradients: int
    optimizer_state: int
    activations: int
    inference_peak: int
    training_peak: int


def memory(trace: Trace, optimizer: str = "sgd") -> Memory:
    """The memory that the traced pass takes, for inference and for a step of training.

    Args:
        trace: of the model in the mode it runs in: a dropout makes masks in train mode alone.
        optimizer: one of `OPTIMIZERS`.
    """
    params = {param.key: param for param in trace.params}.values()
    sizes = [(tensor_bytes(param), param.trainable) for param in params]
    trainable = [size for size, learns in sizes if learns]
    parameters = sum([size for size, _ in sizes])
    buffers = sum(map(tensor_bytes, trace.buffers))
    inputs = sum(map(tensor_bytes, trace.inputs))
    gradients = sum(trainable)
    state = OPTIMIZERS[optimizer] * gradients
    pieces = storages(trace)
    resting = parameters + buffers + inputs
    until = _last_use(trace, pieces)
    kept = {piece for step in pieces.kept for piece in step}
    largest = max(trainable, default=0)
    update = gradients + _TEMPORARIES.get(optimizer, 0) * largest
    return Memory(
        parameters=parameters,
        buffers=buffers,
        inputs=inputs,
        gradients=gradients,
        optimizer_state=state,
        activations=sum(pieces.sizes[piece] for piece in kept),
        inference_peak=resting + _forward_peak(pieces, until),
        training_peak=resting + state + max(_training_peak(trace, pieces, until), update),
    )


def _last_use(trace: Trace, pieces: Storages) -> list[int]:
    """For each piece of memory the last step during which it is held.

    A module that was opened holds what it was called with until its last step is done. What
    nothing reads, and what comes last, is the output and held to the end.
    """
    until = [0] * len(pieces.sizes)
    ends = list(range(len(trace.steps)))
    for step in reversed(trace.steps):
        if step.parent is not None:
            ends[step.parent] = max(ends[step.parent], ends[step.index])
    read = [False] * len(pieces.sizes)
    for step, held, made, end in zip(trace.steps, pieces.held, pieces.made, ends, strict=True):
        for piece in held if held is made else (*held, *made):
            until[piece] = max(until[piece], step.index)
        for source in step.sources:
            for piece in pieces.held[source]:
                until[piece] = max(until[piece], end)
                read[piece] = True
    outputs = {tensor_bytes(spec) for spec in trace.outputs}
    for held in pieces.held:
        for piece in held:
            if not read[piece] and pieces.sizes[piece] in outputs:
                until[piece] = len(trace.steps)
    return until


def _forward_peak(pieces: Storages, until: list[int]) -> int:
    """The most bytes held at once, beyond what the caller holds."""
    leaving: dict[int, int] = {}
    held = highest = 0
    for index, made in enumerate(pieces.made):
        for piece in made:
            if piece in pieces.copies:
                continue
            held += pieces.sizes[piece]
            leaving[until[piece]] = leaving.get(until[piece], 0) + pieces.sizes[piece]
        highest = max(highest, held + pieces.scratch[index])
        held -= leaving.pop(index, 0)
    return highest


def _training_peak(trace: Trace, pieces: Storages, until: list[int]) -> int:
    """The same through forward and backward pass, with the gradients of the parameters."""
    keepers = Counter([piece for kept in pieces.kept for piece in kept])
    leaving: dict[int, list[int]] = {}
    held = highest = 0
    done: set[int] = set()
    for index, made in enumerate(pieces.made):
        for piece in made:
            held += pieces.sizes[piece]
            leaving.setdefault(until[piece], []).append(piece)
        highest = max(highest, held + pieces.scratch[index])
        for piece in leaving.pop(index, ()):
            done.add(piece)
            if not keepers[piece]:
                held -= pieces.sizes[piece]
    return max(highest, _Backward(trace, pieces, keepers, done, held).peak())


class _Backward:
    """The backward pass: gradients come and go, and what was kept is let go."""

    def __init__(
        self,
        trace: Trace,
        pieces: Storages,
        keepers: Counter[int],
        done: set[int],
        held: int,
    ) -> None:
        self.trace = trace
        self.pieces = pieces
        self.keepers = keepers
        self.done = done
        self.held = held
        self.highest = held
        self.sizes: list[int] = []
        self.readers: list[int] = []
        self.gradient: dict[int, int] = {}
        self.params: set[str] = set()

    def peak(self) -> int:
        """Run it, from the last step on."""
        last = next(
            (s.index for s in reversed(self.trace.steps) if self.pieces.needs_grad[s.index]), None
        )
        if last is None:
            return self.highest
        self.gradient[last] = self._new(tensor_bytes(self.trace.steps[last].outputs[0]))
        for index in range(last, -1, -1):
            if index in self.gradient:
                self._step(index)
            self._let_go(index)
        return self.highest

    def _step(self, index: int) -> None:
        step = self.trace.steps[index]
        own = self.gradient.pop(index)
        passes = step.op in _PASSES_GRADIENT_ON or not self.pieces.made[index]
        for spec, source in step.input_sources():
            if source is None or not self.pieces.needs_grad[source]:
                continue
            size = tensor_bytes(spec)
            same = passes and size == self.sizes[own]
            part = self._share(own) if same else self._new(size)
            known = self.gradient.get(source)
            if known is None:
                self.gradient[source] = part
            elif self.readers[known] == 1:
                self._release(part)  # added in place
            else:
                self.gradient[source] = self._new(self.sizes[known])
                self._release(known)
                self._release(part)
        for param in step.params:
            if param.trainable and param.key not in self.params:
                self.params.add(param.key)
                self._add(tensor_bytes(param))
        self._release(own)

    def _let_go(self, index: int) -> None:
        for piece in self.pieces.kept[index]:
            self.keepers[piece] -= 1
            if not self.keepers[piece] and piece in self.done:
                self.held -= self.pieces.sizes[piece]

    def _add(self, size: int) -> None:
        self.held += size
        self.highest = max(self.highest, self.held)

    def _new(self, size: int) -> int:
        self.sizes.append(size)
        self.readers.append(1)
        self._add(size)
        return len(self.sizes) - 1

    def _share(self, piece: int) -> int:
        self.readers[piece] += 1
        return piece

    def _release(self, piece: int) -> None:
        self.readers[piece] -= 1
        if not self.readers[piece]:
            self.held -= self.sizes[piece]
