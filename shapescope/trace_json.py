"""A trace as JSON data, and the trace that such data is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from shapescope.attrs import attrs_from_dict, attrs_to_dict
from shapescope.trace import (
    Failure,
    ModuleSpec,
    ParamSpec,
    SourceSpan,
    Step,
    TensorSpec,
    Trace,
)

__all__ = ["span_to_dict", "trace_from_dict", "trace_to_dict"]


def trace_to_dict(trace: Trace) -> dict[str, Any]:
    """The trace as JSON data, without the name of its schema."""
    return {
        "model": trace.model,
        "mode": trace.mode,
        "inputs": [_tensor_to_dict(spec) for spec in trace.inputs],
        "outputs": [_output_to_dict(spec) for spec in trace.outputs],
        "steps": [_step_to_dict(step) for step in trace.steps],
        "failure": None if trace.failure is None else _plain(trace.failure),
        "params": [_param_to_dict(param) for param in trace.params],
        "buffers": [_tensor_to_dict(spec) for spec in trace.buffers],
        "modules": [_plain(module) for module in trace.modules],
        **({"holds_where": list(trace.holds_where)} if trace.holds_where else {}),
    }


def trace_from_dict(data: Mapping[str, Any]) -> Trace:
    """The trace that such data is of.

    Raises:
        KeyError, TypeError: a field is missing or has another form.
    """
    return Trace(
        model=data["model"],
        mode=data["mode"],
        inputs=_tensors(data["inputs"]),
        steps=tuple(_step(item) for item in data["steps"]),
        outputs=_tensors(data["outputs"]),
        failure=None if data["failure"] is None else _failure(data["failure"]),
        params=tuple(_param(item) for item in data.get("params", ())),
        buffers=_tensors(data.get("buffers", ())),
        modules=tuple(
            ModuleSpec(**{**item, "defined_at": _span(item["defined_at"])})
            for item in data.get("modules", ())
        ),
        holds_where=tuple(data.get("holds_where", ())),
    )


def _plain(record: Any) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {
        name: _plain(value) if isinstance(value, SourceSpan) else value
        for name, value in values.items()
    }


def span_to_dict(span: SourceSpan | None) -> dict[str, Any] | None:
    """The span as JSON data."""
    return None if span is None else _plain(span)


def _param_to_dict(param: ParamSpec) -> dict[str, Any]:
    """The parameter as JSON data, with its number of values."""
    return {
        "name": param.name,
        "shape": list(param.shape),
        "numel": param.numel,
        "dtype": param.dtype,
        "trainable": param.trainable,
        "key": param.key,
    }


def _tensor_to_dict(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, **_output_to_dict(spec)}


def _output_to_dict(spec: TensorSpec) -> dict[str, Any]:
    plain = {"shape": list(spec.shape), "dtype": spec.dtype}
    return {**plain, "vmapped": spec.vmapped} if spec.vmapped else plain


def _step_to_dict(step: Step) -> dict[str, Any]:
    return {
        "index": step.index,
        "path": step.path,
        "op": step.op,
        "kind": step.kind,
        "parent": step.parent,
        "sources": list(step.sources),
        "inputs": [_tensor_to_dict(spec) for spec in step.inputs],
        "outputs": [_output_to_dict(spec) for spec in step.outputs],
        "attrs": attrs_to_dict(step.attrs),
        "params": [_param_to_dict(param) for param in step.params],
        "call_site": span_to_dict(step.call_site),
        "defined_at": span_to_dict(step.defined_at),
    }


def _tensors(items: Iterable[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(tuple(item["shape"]), item["dtype"], item.get("name"), item.get("vmapped", 0))
        for item in items
    )


def _span(item: Mapping[str, Any] | None) -> SourceSpan | None:
    return None if item is None else SourceSpan(**item)


def _param(item: Mapping[str, Any]) -> ParamSpec:
    return ParamSpec(
        item["name"], tuple(item["shape"]), item["dtype"], item["trainable"], item["key"]
    )


def _failure(item: Mapping[str, Any]) -> Failure:
    return Failure(item["step"], item["exception"], item["message"], _span(item.get("call_site")))


def _step(item: Mapping[str, Any]) -> Step:
    return Step(
        index=item["index"],
        path=item["path"],
        op=item["op"],
        kind=item["kind"],
        parent=item["parent"],
        sources=tuple(item["sources"]),
        inputs=_tensors(item["inputs"]),
        outputs=_tensors(item["outputs"]),
        attrs=attrs_from_dict(item["attrs"]),
        params=tuple(_param(param) for param in item["params"]),
        call_site=_span(item["call_site"]),
        defined_at=_span(item["defined_at"]),
    )
