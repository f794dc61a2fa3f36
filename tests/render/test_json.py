from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from shapescope.analysis.receptive import ReceptiveField
from shapescope.attrs import CallAttrs
from shapescope.diagnostic import Diagnostic, Edit, Help, Label, Severity
from shapescope.render.json import diagnostic_to_dict, receptive_field_to_dict, to_json
from shapescope.result import TraceResult
from shapescope.trace import SourceSpan, Trace, from_dict, to_dict

SPAN = {"file", "line", "column", "end_line", "end_column"}


def test_keys_are_the_contract(broken: TraceResult) -> None:
    data = json.loads(broken.to_json())
    assert list(data) == [
        "schema", "model", "mode", "inputs", "outputs", "steps", "totals", "failure",
        "diagnostics",
    ]  # fmt: skip
    assert data["schema"] == "shapescope.trace/1"
    assert data["inputs"] == [{"name": "x", "shape": [1, 1, 28, 28], "dtype": "float32"}]
    assert data["outputs"] == []
    assert list(data["steps"][0]) == [
        "index", "path", "op", "kind", "parent", "sources", "inputs", "outputs", "attrs",
        "params", "macs", "check", "receptive_field", "call_site", "defined_at",
    ]  # fmt: skip
    assert list(data["totals"]) == [
        "params", "trainable_params", "buffers", "macs", "flops", "param_bytes",
        "activation_bytes", "not_counted",
    ]  # fmt: skip
    assert set(data["failure"]) == {"step", "exception", "message"}
    found = data["diagnostics"][0]
    assert list(found) == ["rule", "severity", "message", "labels", "why", "notes", "help"]
    assert set(found["labels"][0]) == SPAN | {"text", "primary"}
    assert set(found["help"][0]) == {"message", "edits", "verified", "changes_parameters"}


def test_steps_are_those_of_the_trace(network: TraceResult) -> None:
    data = network.to_dict()
    for step, raw in zip(data["steps"], to_dict(network.trace)["steps"], strict=True):
        assert {name: step[name] for name in raw} == raw
        assert set(step) == set(raw) | {"macs", "check", "receptive_field"}
        for output in step["outputs"]:
            assert set(output) == {"shape", "dtype"}
    assert data["outputs"] == [{"shape": [1, 10], "dtype": "float32"}]


def test_what_is_derived(network: TraceResult) -> None:
    conv = network.to_dict()["steps"][1]
    assert conv["macs"] == 86_400
    assert conv["check"]["status"] == "match"
    assert conv["check"]["formula"][0] == "(28 - 5 + 2*0)/1 + 1 = 24"
    assert conv["check"]["expected"] == [1, 6, 24, 24]
    assert conv["receptive_field"]["size"] == [5, 5]
    assert set(conv["receptive_field"]) == {"size", "jump", "start"}
    assert set(conv["defined_at"]) == SPAN
    assert set(conv["params"][0]) == {"name", "shape", "numel", "dtype", "trainable", "key"}
    assert network.to_dict()["totals"]["flops"] == 2 * network.to_dict()["totals"]["macs"]


def test_a_trace_comes_back_from_the_json(network: TraceResult) -> None:
    raw = json.loads(json.dumps(to_dict(network.trace)))
    assert from_dict(raw) == network.trace


def test_infinities_have_names(chain: Callable[..., Trace]) -> None:
    trace = chain()
    attrs = CallAttrs((("value", float("-inf")), ("other", (1.0, float("nan")))))
    steps = (*trace.steps[:-1], replace(trace.steps[-1], attrs=attrs))
    data = json.loads(TraceResult(replace(trace, steps=steps)).to_json())
    assert data["steps"][-1]["attrs"]["arguments"] == {"value": "-inf", "other": [1.0, "nan"]}


def test_fractions_of_a_receptive_field() -> None:
    field = ReceptiveField((3, Fraction(7, 2)), (1, Fraction(1, 2)), (0, Fraction(-2)))
    data = receptive_field_to_dict(field)
    assert data == {"size": [3, 3.5], "jump": [1, 0.5], "start": [0, -2]}
    assert receptive_field_to_dict(None) is None


def test_a_diagnostic_whole() -> None:
    span = SourceSpan("a.py", 3, 5, 3, 9)
    found = Diagnostic(
        "some-rule", Severity.WARNING, "what", (Label(span, "here", primary=True),), ("because",),
        ("note",), (Help("do", (Edit(span, "new"),), verified=True, changes_parameters=True),),
        step=4, detail="torch's own",
    )  # fmt: skip
    place = {"file": "a.py", "line": 3, "column": 5, "end_line": 3, "end_column": 9}
    assert diagnostic_to_dict(found) == {
        "rule": "some-rule",
        "severity": "warning",
        "message": "what",
        "labels": [{**place, "text": "here", "primary": True}],
        "why": ["because"],
        "notes": ["note"],
        "help": [
            {
                "message": "do",
                "edits": [{**place, "replacement": "new"}],
                "verified": True,
                "changes_parameters": True,
            }
        ],
    }


def test_each_step_stands_on_a_line(network: TraceResult) -> None:
    lines = network.to_json().splitlines()
    starts = [line for line in lines if line.startswith('    {"index": ')]
    assert len(starts) == len(network.trace.steps)
    assert json.loads("\n".join(lines)) == json.loads(network.to_json(indent=None))


def test_any_data_comes_back() -> None:
    data = {
        "shape": [1, 2, 3],
        "text": ["a, [b]\n", 'c"é'],
        "deep": [[1], [2]],
        "none": [],
        "d": {},
    }
    text = to_json(data)
    assert json.loads(text) == data
    assert text.isascii()
    assert "\n" not in to_json(data, indent=None)
