"""Ops that work value by value: activations, dropout, and sums and products that broadcast."""

from __future__ import annotations

from shapescope.ops.norm import same_shape
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import Ints, broadcast, broadcast_refusal, shapes
from shapescope.trace import Step

for _name, _signature, _modules, _settings in (("relu", "input inplace", ("ReLU",), ("inplace",)),):
    register(
        Op(
            _name,
            _signature,
            modules=_modules,
            settings=_settings,
            output_shape=same_shape,
            free=True,
            pointwise=True,
        )
    )


def broadcast_shape(step: Step) -> tuple[Ints, ...] | None:
    """The shape to which all inputs broadcast."""
    result = broadcast(*shapes(step))
    return None if result is None else (result,)


def _refusal(step: Step) -> str | None:
    return broadcast_refusal(*shapes(step))


for _name in ("add", "sub", "mul", "div"):
    register(
        Op(
            _name,
            "input other",
            output_shape=broadcast_shape,
            refusal=_refusal,
            free=True,
        )
    )
