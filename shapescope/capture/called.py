"""What is known of a function before it runs, and which ones can never be a step."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from shapescope.ops import Op, canonical_name, is_inplace, lookup

__all__ = ["RETURNS_SELF_WHEN_OFF", "Called", "described", "in_order_of_forward"]

RETURNS_SELF_WHEN_OFF = frozenset(
    {"identity", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
     "feature_alpha_dropout"}
)  # fmt: skip
"""Ops that give back the very tensor they were given where they have nothing to do."""


class Called(NamedTuple):
    """A function as far as it is known beforehand.

    `repeats`: given the same once more, it gives the same; nothing else happens. `swapped`: it
    takes the right side of a product first.
    """

    name: str
    row: Op
    in_place: bool
    repeats: bool
    swapped: bool = False


def described(func: Any) -> Called | None:
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
    return Called(name, row, in_place, of_torch and not special, raw == "__rmatmul__")


def in_order_of_forward(module: nn.Module, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords in the order in which the layer's forward takes them, not in that of the call."""
    code = getattr(type(module).forward, "__code__", None)
    if code is None or len(kwargs) < 2:
        return kwargs
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: kwargs[name] for name in (*names, *kwargs) if name in kwargs}
