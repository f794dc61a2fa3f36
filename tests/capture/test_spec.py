"""Naming a model: every form, and every form that is refused before anything runs."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.capture.loading.spec import ModelSpec, parse_spec
from shapescope.diagnostic import ShapescopeError

NOT_A_CLASS = "does not name a class; write Class, or Class(10, width=2) with literal arguments"


def no_names(name: str) -> Any:
    raise AssertionError(f"{name} was looked up")


@pytest.mark.parametrize(
    ("text", "kind", "place", "attribute"),
    [
        ("lenet5", "network", "lenet5", ""),
        ("  LeNet5-Tanh ", "network", "LeNet5-Tanh", ""),
        ("torchvision:resnet18", "torchvision", "resnet18", ""),
        ("timm:vit_base_patch16_224.augreg_in21k", "timm", "vit_base_patch16_224.augreg_in21k", ""),
        ("hf:BertModel", "hf", "BertModel", ""),
        ("hf:./folder/config.json", "hf", "./folder/config.json", ""),
        ("net.py", "file", "net.py", ""),
        ("../my models/net-2.py", "file", "../my models/net-2.py", ""),
        ("net.py:Net", "file", "net.py", "Net"),
        ("a.py/net.py:Net", "file", "a.py/net.py", "Net"),
        ("/abs/net.pyw : Net ", "file", "/abs/net.pyw", "Net"),
        ("net.py:Outer.Inner", "file", "net.py", "Outer.Inner"),
        ("package.module:factory", "package", "package.module", "factory"),
        ("module:Class.make", "package", "module", "Class.make"),
        ("run/best.pt", "saved", "run/best.pt", ""),
        ("m.PT2", "saved", "m.PT2", ""),
        ("weights.safetensors", "saved", "weights.safetensors", ""),
    ],
)
def test_the_forms(text: str, kind: str, place: str, attribute: str) -> None:
    found = parse_spec(text)
    assert (found.kind, found.place, found.attribute) == (kind, place, attribute)
    assert found.text == text.strip()
    assert not found.called
    assert not found.arguments


@pytest.mark.parametrize(
    ("text", "args", "kwargs"),
    [
        ("net.py:Net()", [], {}),
        ("net.py:Net(10, width=2)", [10], {"width": 2}),
        ("net.py:Net(-1, +2.5, 1j, 'a.py:(', True, None)", [-1, 2.5, 1j, "a.py:(", True, None], {}),
        (
            "net.py:Net([2, (3, -4)], {'a': [1], 2: {3}}, x=())",
            [[2, (3, -4)], {"a": [1], 2: {3}}],
            {"x": ()},
        ),
        ("pkg.mod:make(3)", [3], {}),
        ("lenet5(num_classes=3)", [], {"num_classes": 3}),
        ("torchvision:vit_b_16(image_size=384)", [], {"image_size": 384}),
        ("hf:LlamaConfig(num_hidden_layers=2)", [], {"num_hidden_layers": 2}),
    ],
)
def test_arguments_are_literals(text: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    found = parse_spec(text)
    assert found.called
    assert found.arguments.values(no_names) == (args, kwargs)


def test_names_in_arguments_are_looked_up_in_the_file() -> None:
    found = parse_spec("net.py:ResNet(BasicBlock, [2, 2], norm=nn.BatchNorm2d)")
    names = {"BasicBlock": int, "nn.BatchNorm2d": float}
    assert found.arguments.values(names.__getitem__) == ([int, [2, 2]], {"norm": float})
    assert found.arguments.text == "BasicBlock, [2, 2], norm=nn.BatchNorm2d"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net.py:Net(f(1))", "`f(1)` would call something"),
        ("net.py:Net([nn.ReLU()])", "`nn.ReLU()` would call something"),
        ("net.py:Net(1 + 2)", "`1 + 2` would compute something"),
        ("net.py:Net(2 ** 10)", "`2 ** 10` would compute something"),
        ("net.py:Net(-x)", "`-x` would compute something"),
        ("net.py:Net(*[1])", "`*[1]` would compute something"),
        ("net.py:Net(**{'a': 1})", "`**{'a': 1}` would compute something"),
        ("net.py:Net({**a})", "`{**a}` would compute something"),
        ("net.py:Net([x for x in y])", "would compute something"),
        ("net.py:Net(x[0])", "`x[0]` would compute something"),
        ("net.py:Net(lambda: 0)", "would compute something"),
        ("net.py:Net(f'{x}')", "would compute something"),
        ("net.py:Net((y := 1))", "would compute something"),
        ("net.py:Net(a if b else c)", "would compute something"),
        ("net.py:Net(x().y)", "would compute something"),
    ],
)
def test_arguments_that_would_run_something_are_refused_unread(text: str, message: str) -> None:
    with pytest.raises(ShapescopeError) as caught:
        parse_spec(text)
    assert message in str(caught.value)
    assert str(caught.value).endswith(
        "and nothing was run; arguments are literals or names that the file defines"
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no model was named; `shapescope models` lists what can be"),
        ("   ", "no model was named; `shapescope models` lists what can be"),
        ("()", "() names no model; `shapescope models` lists what can be named"),
        ("torchvision:", "torchvision:: the name of a model is missing behind torchvision:"),
        ("net.py:", "net.py:: the name of a class is missing behind the colon"),
        ("pkg.mod:", "pkg.mod:: the name of a factory is missing behind the colon"),
        (
            "net.py:Net(10",
            f"net.py:Net(10: `Net(10` {NOT_A_CLASS}",
        ),
        (
            "net.py:3",
            f"net.py:3: `3` {NOT_A_CLASS}",
        ),
        (
            "net.py:f()()",
            f"net.py:f()(): `f()()` {NOT_A_CLASS}",
        ),
        (
            "my-pkg:Net",
            (
                "my-pkg:Net names no model; write a name, path/file.py:Class, "
                "package.module:factory, or one of torchvision:NAME, timm:NAME, hf:NAME"
            ),
        ),
    ],
)
def test_what_names_no_model(text: str, message: str) -> None:
    with pytest.raises(ShapescopeError) as caught:
        parse_spec(text)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


@given(st.text(max_size=40))
def test_any_text_is_taken_apart_or_refused_in_one_line(text: str) -> None:
    try:
        found = parse_spec(text)
    except ShapescopeError as error:
        assert error.exit_code == 2
        return
    assert isinstance(found, ModelSpec)
    assert found.place


_LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.lists(_LITERALS, max_size=3))
def test_any_literal_arrives_as_python_reads_it(values: list[Any]) -> None:
    text = ", ".join(map(repr, values))
    if "inf" in text:
        return
    found = parse_spec(f"net.py:Net({text})")
    assert found.arguments.values(no_names) == (list(ast.literal_eval(f"[{text}]")), {})
