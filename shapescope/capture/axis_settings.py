"""Settings of a symbolic trace in the names of its axes instead of torch's own symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from shapescope.attrs import Attrs, CallAttrs
from shapescope.trace import Trace

_SYMBOL = re.compile(r"\bs\d+\b")


def in_axis_names(trace: Trace, names: Mapping[str, str]) -> Trace:
    """The trace with `N` for `s75` in what was asked of each step: `reshape(x.shape[0], -1)`.

    Args:
        trace: whose settings hold formulas as torch writes them.
        names: the axis of each of torch's symbols.
    """
    steps = tuple(
        step if step.attrs is None else replace(step, attrs=_attrs(step.attrs, names))
        for step in trace.steps
    )
    return replace(trace, steps=steps)


def _attrs(attrs: Attrs, names: Mapping[str, str]) -> Attrs:
    if isinstance(attrs, CallAttrs):
        return CallAttrs(tuple((name, _value(value, names)) for name, value in attrs.arguments))
    return replace(
        attrs, **{one.name: _value(getattr(attrs, one.name), names) for one in fields(attrs)}
    )


def _value(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(_value(item, names) for item in value)
    if isinstance(value, str):
        return _SYMBOL.sub(lambda found: names.get(found[0], found[0]), value)
    return value
