"""Recurrent layers and their single steps."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from shapescope.attrs import RecurrentAttrs
from shapescope.ops.flow import Flows, Link, last_lost_flow, whole
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, shape, text
from shapescope.trace import Step

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def _module(module: Any, bound: Bound) -> RecurrentAttrs:
    return RecurrentAttrs(
        input_size=module.input_size,
        hidden_size=module.hidden_size,
        num_layers=module.num_layers,
        batch_first=module.batch_first,
        bidirectional=module.bidirectional,
        proj_size=getattr(module, "proj_size", 0),  # dynamically quantized layers have none
        bias=module.bias,
    )


def _call(gates: int, bound: Bound) -> RecurrentAttrs | None:
    """Of `torch.lstm` and its like, which are given the weights of all layers in one list."""
    params = bound.get("params")
    if not isinstance(params, list | tuple) or len(params) < 2:
        return None
    (rows, features), (_, out) = params[0].shape, params[1].shape
    hidden = rows // gates
    return RecurrentAttrs(
        input_size=features,
        hidden_size=hidden,
        num_layers=bound.get("num_layers", 1),
        batch_first=bool(bound.get("batch_first", False)),
        bidirectional=bool(bound.get("bidirectional", False)),
        proj_size=out if out != hidden else 0,
        bias=bool(bound.get("has_biases", True)),
    )


def _cell_module(module: Any, bound: Bound) -> RecurrentAttrs:
    return RecurrentAttrs(module.input_size, module.hidden_size, bias=module.bias, cell=True)


def _cell_call(bound: Bound) -> RecurrentAttrs | None:
    weight, hidden = bound.get("w_ih"), bound.get("w_hh")
    if weight is None or hidden is None:
        return None
    return RecurrentAttrs(
        weight.shape[1], hidden.shape[1], bias=bound.get("b_ih") is not None, cell=True
    )


def is_packed(step: Step) -> bool:
    """Whether the input is a PackedSequence: rows of all steps, and how many are of each step."""
    sizes = shape(step)
    if len(step.inputs) < 2 or len(sizes) != 2:
        return False
    counts = step.inputs[1]
    return len(counts.shape) == 1 and counts.dtype == "int64"


def _layout(step: Step, attrs: RecurrentAttrs) -> tuple[int, Ints]:
    """The output's features, and the batch axis as a tuple, empty where there is none."""
    sizes = shape(step)
    features = (attrs.proj_size or attrs.hidden_size) * (2 if attrs.bidirectional else 1)
    if len(sizes) < 3:
        return features, ()
    return features, (sizes[0] if attrs.batch_first else sizes[1],)


def _shape(step: Step) -> tuple[Ints, ...] | None:
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, RecurrentAttrs) or len(sizes) not in (2, 3):
        return None
    features, batch = _layout(step, attrs)
    made = (*sizes[:-1], features)
    if is_packed(step):
        return (made,)  # the size of the batch is a value of the second input
    layers = attrs.num_layers * (2 if attrs.bidirectional else 1)
    hidden = (layers, *batch, attrs.proj_size or attrs.hidden_size)
    if step.op == "lstm":
        return made, hidden, (layers, *batch, attrs.hidden_size)
    return made, hidden


def _refusal(step: Step) -> str | None:
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, RecurrentAttrs):
        return None
    ranks = (1, 2) if attrs.cell else (2, 3)
    if len(sizes) not in ranks:
        return f"the input has rank {len(sizes)}, but {ranks[0]} or {ranks[1]} is needed"
    if sizes[-1] != attrs.input_size:
        return f"the layer takes {attrs.input_size} features, but {sizes[-1]} arrive"
    if is_packed(step) or attrs.cell:
        return None
    if 0 in sizes[:-1]:
        return f"{text(sizes)} holds no step to run"
    return _hidden_refusal(step, attrs)


def _hidden_refusal(step: Step, attrs: RecurrentAttrs) -> str | None:
    wanted = (_shape(step) or ())[1:]
    for spec, expected in zip(step.inputs[1:], wanted, strict=False):
        if spec.shape != expected:
            return f"the hidden state is {text(spec.shape)}, but {text(expected)} is needed"
    return None


def _text(step: Step) -> tuple[str, ...]:
    made = _shape(step) or _cell_shape(step)
    return () if made is None else (f"{text(shape(step))} -> {text(made[0])}",)


def _macs(gates: int, step: Step) -> int | None:
    """For each step in time: both products of every gate, and the projection."""
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, RecurrentAttrs) or not sizes:
        return None
    directions = 2 if attrs.bidirectional else 1
    hidden, out = attrs.hidden_size, attrs.proj_size or attrs.hidden_size
    total = 0
    for layer in range(attrs.num_layers):
        features = attrs.input_size if layer == 0 else out * directions
        total += gates * hidden * (features + out) + attrs.proj_size * hidden
    return total * directions * prod(sizes[:-1])


def _gate_bytes(gates: int, step: Step) -> int:
    """Bytes of the gates and the states of every layer at every step in time."""
    attrs = step.attrs
    if not isinstance(attrs, RecurrentAttrs):
        return 0
    each = attrs.hidden_size * (gates + 2) * (2 if attrs.bidirectional else 1)
    return 4 * prod(shape(step)[:-1]) * each * attrs.num_layers


def _flow(step: Step) -> Flows | None:
    """The batch as it is; along time every output may depend on all steps."""
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, RecurrentAttrs) or is_packed(step):
        return None
    if attrs.cell:
        return last_lost_flow(step)
    time = 1 if attrs.batch_first and len(sizes) == 3 else 0
    lead = (whole(at, n) if at == time else Link(at) for at, n in enumerate(sizes[:-1]))
    return ((*lead, None),)


def _cell_shape(step: Step) -> tuple[Ints, ...] | None:
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, RecurrentAttrs) or not sizes:
        return None
    made = (*sizes[:-1], attrs.hidden_size)
    return (made, made) if step.op == "lstm_cell" else (made,)


for _name, _class in (("rnn", "RNN"), ("lstm", "LSTM"), ("gru", "GRU")):
    register(
        Op(
            _name,
            "input hx params has_biases num_layers dropout train bidirectional batch_first",
            weights=("flat_weights", "params"),
            modules=(_class,) if _name != "rnn" else ("RNN", "RNNBase"),
            forward="input hx",
            from_call=partial(_call, GATES[_name]),
            from_module=_module,
            shape_rule=_shape,
            refusal_rule=_refusal,
            formula_rule=_text,
            macs_rule=partial(_macs, GATES[_name]),
            flow_rule=_flow,
            saves="inputs output",
            extra_rule=partial(_gate_bytes, GATES[_name]),
        )
    )
    register(
        Op(
            f"{_name}_cell",
            "input hx w_ih w_hh b_ih b_hh",
            weights=("w_ih", "w_hh", "b_ih", "b_hh"),
            modules=(f"{_class}Cell",),
            forward="input hx",
            from_call=_cell_call,
            from_module=_cell_module,
            shape_rule=_cell_shape,
            refusal_rule=_refusal,
            formula_rule=_text,
            macs_rule=partial(_macs, GATES[_name]),
            flow_rule=_flow,
        )
    )
