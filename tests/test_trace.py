"""The centre: traces survive JSON, and `verify` finds each invariant that is broken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.attrs import (
    FAMILIES,
    CallAttrs,
    ConvAttrs,
    LinearAttrs,
    ModuleAttrs,
    attrs_from_dict,
    attrs_to_dict,
    make,
)
from shapescope.trace import (
    Failure,
    ModuleSpec,
    ParamSpec,
    SourceSpan,
    Step,
    TensorSpec,
    Trace,
    from_dict,
    to_dict,
    verify,
)

sizes = st.one_of(st.integers(0, 500), st.sampled_from(["H", "W//4 - 3"]))
shapes = st.lists(sizes, max_size=5).map(tuple)
dtypes = st.sampled_from(["float32", "int64", "bool", "bfloat16"])
names = st.text(min_size=1, max_size=8)
counts = st.integers(1, 9)
spans = st.builds(SourceSpan, names, counts, counts, counts, counts)
params = st.builds(
    ParamSpec, names, st.lists(counts, max_size=4).map(tuple), dtypes, st.booleans(), names
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
attrs = st.one_of(
    st.none(),
    st.builds(LinearAttrs, counts, counts, st.booleans()),
    st.builds(ModuleAttrs, names),
    st.dictionaries(names, plain, max_size=3).map(lambda found: CallAttrs(tuple(found.items()))),
    st.builds(
        make,
        st.just(ConvAttrs),
        in_channels=counts,
        out_channels=counts,
        kernel_size=st.lists(counts, min_size=1, max_size=3),
        stride=st.lists(counts, min_size=1, max_size=3),
        padding=st.one_of(st.just("same"), st.lists(counts, min_size=1, max_size=3)),
        dilation=st.lists(counts, min_size=1, max_size=3),
    ),
)
tensors = st.builds(TensorSpec, shapes, dtypes, st.none() | names)
unnamed = st.builds(TensorSpec, shapes, dtypes)
steps = st.builds(
    Step,
    index=st.integers(0, 99),
    path=st.text(max_size=8),
    op=names,
    kind=st.sampled_from(["module", "function"]),
    parent=st.none() | st.integers(0, 99),
    sources=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    inputs=st.lists(tensors, max_size=3).map(tuple),
    outputs=st.lists(unnamed, max_size=2).map(tuple),
    attrs=attrs,
    params=st.lists(params, max_size=2).map(tuple),
    call_site=st.none() | spans,
    defined_at=st.none() | spans,
)
failures = st.none() | st.builds(Failure, st.none() | counts, names, names, st.none() | spans)
traces = st.builds(
    Trace,
    model=names,
    mode=st.sampled_from(["meta", "fake", "real", "symbolic"]),
    inputs=st.lists(tensors, max_size=3).map(tuple),
    steps=st.lists(steps, max_size=4).map(tuple),
    outputs=st.lists(unnamed, max_size=2).map(tuple),
    failure=failures,
    params=st.lists(params, max_size=3).map(tuple),
    buffers=st.lists(tensors, max_size=2).map(tuple),
    modules=st.lists(
        st.builds(ModuleSpec, names, names, st.booleans(), st.none() | spans), max_size=2
    ).map(tuple),
)


@given(traces)
def test_a_trace_survives_json(trace: Trace) -> None:
    assert from_dict(json.loads(json.dumps(to_dict(trace)))) == trace


@given(attrs)
def test_attrs_survive_json(record: object) -> None:
    text = json.dumps(attrs_to_dict(record))  # type: ignore[arg-type]
    assert attrs_from_dict(json.loads(text)) == record


def test_lists_and_tuples_make_equal_records() -> None:
    lists = make(
        ConvAttrs,
        in_channels=1,
        out_channels=2,
        kernel_size=[3, 3],
        stride=[1, 1],
        padding=[0, 0],
        dilation=[1, 1],
    )
    tuples = make(
        ConvAttrs,
        in_channels=1,
        out_channels=2,
        kernel_size=(3, 3),
        stride=(1, 1),
        padding=(0, 0),
        dilation=(1, 1),
    )
    assert lists == tuples
    assert hash(lists) == hash(tuples)


def test_each_family_has_a_name_of_its_own() -> None:
    assert len(set(FAMILIES.values())) == len(FAMILIES)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"schema": "other/2"}, "expected schema shapescope.trace/1, not 'other/2'"),
        ({"schema": "shapescope.trace/1"}, "not a trace: 'model'"),
    ],
)
def test_what_is_no_trace_is_refused(data: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match="^" + said.replace("/", "/") + "$"):
        from_dict(data)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown family of attrs 'magic'"):
        attrs_from_dict({"family": "magic"})


WEIGHT = ParamSpec("fc.weight", (2, 4), "float32", True, "fc.weight")


def good() -> Trace:
    x = TensorSpec((1, 4), name="x")
    h = TensorSpec((1, 2))
    root = Step(0, "", "module", "module", None, (), (x,), (h,), ModuleAttrs("Net"))
    linear = Step(1, "fc", "linear", "module", 0, (), (x,), (h,), LinearAttrs(4, 2), (WEIGHT,))
    relu = Step(2, "", "relu", "function", 0, (1,), (h,), (h,), CallAttrs())
    return Trace("Net", "meta", (x,), (root, linear, relu), (h,), None, (WEIGHT,))


def broken(**changes: object) -> Trace:
    trace = good()
    changed = replace(trace.steps[2], **changes)  # type: ignore[arg-type]
    return replace(trace, steps=(*trace.steps[:2], changed))


def test_a_good_trace_holds() -> None:
    verify(good())
    assert [step.op for step in good().leaves] == ["linear", "relu"]
    assert [step.op for step in good().children(0)] == ["linear", "relu"]
    assert good().steps[0].class_name == "Net"
    assert WEIGHT.numel == 8


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (replace(good(), mode="guess"), "mode 'guess'"),
        (broken(index=7), "step 2 (relu ''): index 7"),
        (broken(kind="method"), "step 2 (relu ''): kind 'method'"),
        (broken(parent=2), "step 2 (relu ''): its parent comes later"),
        (broken(parent=1), "step 2 (relu ''): its parent is a leaf"),
        (broken(attrs=ModuleAttrs("X")), "step 2 (relu ''): class name without composite"),
        (broken(sources=()), "step 2 (relu ''): sources do not match the inputs"),
        (broken(sources=(2,)), "step 2 (relu ''): source 2 is not before it"),
        (broken(sources=(0,)), "step 2 (relu ''): its source is a composite"),
        (broken(params=(replace(WEIGHT, key="?"),)), "step 2 (relu ''): unknown parameter ?"),
        (broken(outputs=()), "step 2 (relu ''): no output, but it is not the failure"),
        (
            replace(broken(outputs=()), failure=Failure(2, "E", "m"), outputs=()),
            "step 0 (module ''): outputs, but the failure is inside it",
        ),
        (replace(good(), failure=Failure(None, "E", "m")), "outputs in spite of a failure"),
        (replace(good(), buffers=(TensorSpec((1,)),)), "a buffer without a name"),
    ],
)
def test_each_broken_invariant_is_found(trace: Trace, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        verify(trace)
    assert str(caught.value) == said
