"""The text of `--input`: what it means, and one line for what it cannot mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.capture.input_spec import (
    InputSpec,
    format_input,
    parse_input,
    parse_inputs,
    rebatch,
)
from shapescope.diagnostic import ShapescopeError


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1,3,32,32", InputSpec((1, 3, 32, 32))),
        (" 1, 3 ,32, 32 ", InputSpec((1, 3, 32, 32))),
        ("1x3x32x32", InputSpec((1, 3, 32, 32))),
        ("1 x 3 x 32 x 32", InputSpec((1, 3, 32, 32))),
        ("1×3×32×32", InputSpec((1, 3, 32, 32))),
        ("(1,3,32,32)", InputSpec((1, 3, 32, 32))),
        ("1 3 32  32", InputSpec((1, 3, 32, 32))),
        ("x=2 10:int64", InputSpec((2, 10), "int64", "x")),
        ("7", InputSpec((7,))),
        ("()", InputSpec(())),
        ("():int64", InputSpec((), "int64")),
        ("[3,480,640]", InputSpec((3, 480, 640), listed=True)),
        ("2,10:int64", InputSpec((2, 10), "int64")),
        ("2,10:torch.int64", InputSpec((2, 10), "int64")),
        ("2,10:long", InputSpec((2, 10), "int64")),
        ("2,10:half", InputSpec((2, 10), "float16")),
        ("2,10 : bool", InputSpec((2, 10), "bool")),
        ("2,10:int64<1000", InputSpec((2, 10), "int64", bound=1000)),
        ("2,10<1000", InputSpec((2, 10), "int64", bound=1000)),
        ("2:uint8<256", InputSpec((2,), "uint8", bound=256)),
        ("ids=2,10:int64<1000", InputSpec((2, 10), "int64", "ids", 1000)),
        ("x = 1,2", InputSpec((1, 2), name="x")),
        ("return_features:=true", InputSpec(None, name="return_features", value="true")),
        ('mode:="sum"', InputSpec(None, name="mode", value='"sum"')),
        ("size:=[7, 7]", InputSpec(None, name="size", value="[7, 7]")),
        ("@feed.py:inputs", InputSpec(None, source="feed.py:inputs")),
        ("@a folder/feed.py:inputs", InputSpec(None, source="a folder/feed.py:inputs")),
    ],
)
def test_the_forms(text: str, spec: InputSpec) -> None:
    assert parse_input(text) == spec
    assert parse_input(format_input(spec)) == spec


FUNCTION = "this names no function; write @file.py:function, which returns the inputs"
DTYPES = (
    "the dtypes are float32, float16, bfloat16, float64, complex64, complex128, "
    "int64, int32, int16, int8, uint8, bool"
)
FORM = "write sizes with commas, as in --input 1,3,32,32"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,a,32", f"--input 1,a,32: `a` is not a size; {FORM}"),
        ("N,3,32,32", f"--input N,3,32,32: `N` is not a size; {FORM}"),
        ("1.5,3", f"--input 1.5,3: `1.5` is not a size; {FORM}"),
        ("1,3 1,4", f"--input 1,3 1,4: `3 1` is not a size; {FORM}"),
        ("1,,32", f"--input 1,,32: a size is missing between the commas; {FORM}"),
        ("1,3,", f"--input 1,3,: a size is missing between the commas; {FORM}"),
        ("", f"--input '': the shape is missing; {FORM}"),
        (":int64", f"--input :int64: the shape is missing; {FORM}"),
        ("x=", f"--input x=: the shape is missing; {FORM}"),
        ("-1,3", "--input -1,3: size -1 is below 1; every size has to be 1 or more"),
        ("1,0,2", "--input 1,0,2: size 0 is below 1; every size has to be 1 or more"),
        (
            "1,99999999999999999999",
            (
                "--input 1,99999999999999999999: size 99999999999999999999 is too large; "
                "every size has to be 1 or more"
            ),
        ),
        (
            "1000000000,1000000000",
            "--input 1000000000,1000000000: this holds 1e+18 values; write smaller sizes",
        ),
        ("1,3:floot32", "--input 1,3:floot32: there is no dtype `floot32`; did you mean float32?"),
        ("1,3:Int64", "--input 1,3:Int64: there is no dtype `Int64`; did you mean int64?"),
        (
            "1,3:zzz",
            f"--input 1,3:zzz: there is no dtype `zzz`; {DTYPES}",
        ),
        (
            "1,3:",
            f"--input 1,3:: there is no dtype ``; {DTYPES}",
        ),
        (
            "2,10:int64<0",
            "--input 2,10:int64<0: `0` is no bound; write a whole number from 1, as in :int64<1000",
        ),
        (
            "2,10:int64<x",
            "--input 2,10:int64<x: `x` is no bound; write a whole number from 1, as in :int64<1000",
        ),
        (
            "2,10:float32<5",
            (
                "--input 2,10:float32<5: a bound needs an integer dtype, not float32; "
                "write :int64<1000"
            ),
        ),
        (
            "2,10:bool<2",
            "--input 2,10:bool<2: a bound needs an integer dtype, not bool; write :int64<1000",
        ),
        ("2:uint8<257", "--input 2:uint8<257: uint8 does not reach 256; write :int64"),
        (
            "my-ids=2,10",
            "--input my-ids=2,10: `my-ids` is not the name of an argument; write NAME=1,3,32,32",
        ),
        (
            "=2,10",
            "--input =2,10: `` is not the name of an argument; write NAME=1,3,32,32",
        ),
        (
            "flag:=yes",
            (
                "--input flag:=yes: `yes` is not JSON; write flag:=true, flag:=3, flag:=null, "
                "flag:='\"text\"' or flag:=[1,2]"
            ),
        ),
        (
            "@feed.py",
            f"--input @feed.py: {FUNCTION}",
        ),
        (
            "@feed.txt:f",
            f"--input @feed.txt:f: {FUNCTION}",
        ),
        (
            "@feed.py:f()",
            f"--input @feed.py:f(): {FUNCTION}",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ShapescopeError) as caught:
        parse_input(text)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_one_name_twice_is_refused() -> None:
    assert parse_inputs(["1,2", "1,2", "a=1", "b:=2"])[2:] == (
        InputSpec((1,), name="a"),
        InputSpec(None, name="b", value="2"),
    )
    with pytest.raises(ShapescopeError, match="--input gives `a` twice; keep one of them"):
        parse_inputs(["a=1", "a:=2"])


@given(
    st.lists(st.integers(1, 999), max_size=5),
    st.sampled_from(["float32", "int64", "bool", "complex64", "uint8"]),
    st.none() | st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True),
    st.none() | st.integers(1, 200),
    st.booleans(),
)
def test_every_spec_survives_being_written(
    shape: list[int], dtype: str, name: str | None, bound: int | None, listed: bool
) -> None:
    bound = bound if dtype in ("int64", "uint8") else None
    spec = InputSpec(tuple(shape), dtype, name, bound, listed and bool(shape))
    assert parse_input(format_input(spec)) == spec


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        spec: Any = parse_input(text)
    except ShapescopeError as error:
        assert error.exit_code == 2
        assert str(error).startswith("--input ")
    else:
        assert isinstance(spec, InputSpec)


def shapes(specs: tuple[InputSpec, ...]) -> list[tuple[int, ...] | None]:
    return [spec.shape for spec in specs]


def test_another_batch_changes_every_axis_that_is_the_batch() -> None:
    specs = parse_inputs(["4,3,32,32", "4,10:int64", "7,7", "flag:=true", "mask=4,10:bool", "()"])
    assert shapes(rebatch(specs, 5)) == [(5, 3, 32, 32), (5, 10), (7, 7), None, (5, 10), ()]
    assert rebatch(specs, 4) == specs


def test_another_batch_of_listed_pictures_is_more_of_them() -> None:
    specs = parse_inputs(["[3,32,32]", "[3,48,48]", "1,4"])
    assert shapes(rebatch(specs, 3)) == [(3, 32, 32)] * 3 + [(3, 4)]


def test_there_may_be_no_batch_to_change() -> None:
    specs = parse_inputs(["()", "flag:=true", "@feed.py:f"])
    assert rebatch(specs, 3) == specs
    assert rebatch((), 3) == ()


@pytest.mark.parametrize("texts", [["batch=1,4", "batch.x=1,4"], ["batch.x=1,4", "batch:=3"]])
def test_one_name_for_a_tensor_and_for_a_dict_is_refused(texts: list[str]) -> None:
    with pytest.raises(ShapescopeError) as caught:
        parse_inputs(texts)
    assert str(caught.value) == (
        "--input gives `batch` itself and `batch.x`, which makes a dict of it; keep one of them"
    )
    assert caught.value.exit_code == 2
