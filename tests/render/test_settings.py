from __future__ import annotations

import pytest

from shapescope.attrs import (
    AdaptivePoolAttrs,
    AttentionAttrs,
    Attrs,
    CallAttrs,
    ConvAttrs,
    EmbeddingAttrs,
    FoldAttrs,
    FractionalPoolAttrs,
    LinearAttrs,
    ModuleAttrs,
    NormAttrs,
    PadAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResizeAttrs,
    UnpoolAttrs,
)
from shapescope.render.settings import kernel_of, op_text, settings_text
from shapescope.trace import Shape, Step, TensorSpec


def step(
    op: str, attrs: Attrs | None = None, before: Shape = (1, 4), after: Shape = (1, 4)
) -> Step:
    inputs = (TensorSpec(before, name="x"),)
    return Step(0, "a", op, "module", None, (), inputs, (TensorSpec(after),), attrs)


def conv(**changes: object) -> ConvAttrs:
    usual: dict[str, object] = {
        "kernel_size": (3, 3),
        "stride": (1, 1),
        "padding": (0, 0),
        "dilation": (1, 1),
    }
    return ConvAttrs(3, 8, **{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attrs", "text"),
    [
        (conv(), "k3"),
        (conv(stride=(2, 2), padding=(1, 1)), "k3 s2 p1"),
        (conv(kernel_size=(1, 7), padding=(0, 3)), "k1x7 p0x3"),
        (conv(dilation=(2, 2), groups=3), "k3 d2 g3"),
        (conv(padding="same", padding_mode="reflect"), "k3 same reflect"),
        (conv(padding="valid"), "k3"),
        (conv(stride=(2, 2), output_padding=(1, 1)), "k3 s2 op1"),
        (PoolAttrs((2, 2), (2, 2), (0, 0), (1, 1)), "k2 s2"),
        (PoolAttrs((3,), (2,), (1,), (2,), True, None, 2.0), "k3 s2 p1 d2 ceil L2"),
        (AdaptivePoolAttrs((1, None)), "to 1x*"),
        (FractionalPoolAttrs((2, 2), (5, 5)), "k2 to 5"),
        (FractionalPoolAttrs((2, 2), None, (0.5, 0.5)), "k2 ratio 0.5"),
        (UnpoolAttrs((2, 2), (2, 2), (1, 0)), "k2 s2 p1x0"),
        (FoldAttrs((2, 2), (2, 2), (1, 1), (3, 3), (8, 9)), "k2 s2 p1 d3 to 8x9"),
        (PadAttrs((1, 2, 0, 0)), "1,2,0,0"),
        (PadAttrs((1, 1), "reflect"), "1,1 reflect"),
        (ResizeAttrs((14, 14)), "to 14x14"),
        (ResizeAttrs(None, (2.0, 2.0), "bilinear"), "x2.0 bilinear"),
        (LinearAttrs(4, 4), ""),
        (LinearAttrs(4, 4, False), "no bias"),
        (RecurrentAttrs(4, 8, 2, True, True), "2 layers both ways batch_first"),
        (AttentionAttrs(8, 2, 8, 8), "2 heads"),
        (NormAttrs(num_groups=4), "4 groups"),
        (NormAttrs(num_features=4), ""),
        (EmbeddingAttrs(100, 8), "100->8"),
        (CallAttrs((("dim", 1), ("other", 3))), "dim=1"),
        (CallAttrs((("dims", (0, 2, 1)),)), "dims=0,2,1"),
        (CallAttrs((("dim", None),)), ""),
        (None, ""),
    ],
)
def test_settings(attrs: Attrs | None, text: str) -> None:
    assert settings_text(step("any", attrs)) == text


def test_the_usual_flatten_needs_no_words() -> None:
    usual = CallAttrs((("start_dim", 1), ("end_dim", -1)))
    assert settings_text(step("flatten", usual)) == ""
    assert settings_text(step("flatten", CallAttrs((("start_dim", 0),)))) == "start_dim=0"
    assert settings_text(step("other", CallAttrs((("start_dim", 1),)))) == "start_dim=1"


def test_the_kernel_may_stand_with_the_op_alone() -> None:
    assert settings_text(step("conv2d", conv(stride=(2, 2))), kernel=False) == "s2"
    assert settings_text(step("any", ResizeAttrs((9, 9))), kernel=False) == "to 9x9"


def test_the_op_names_its_window() -> None:
    assert op_text(step("conv2d", conv(kernel_size=(1, 7)))) == "conv2d 1x7"
    assert op_text(step("max_pool1d", PoolAttrs((2,), (2,), (0,), (1,)))) == "max_pool1d 2"
    assert op_text(step("relu")) == "relu"
    assert kernel_of(step("relu")) == ()


def test_a_composite_is_its_class() -> None:
    assert op_text(step("module", ModuleAttrs("Block"))) == "Block"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ((2, 12, 4, 4), (2, 192), "reshape (flatten)"),
        ((2, 12, 4, 4), (8, 48), "reshape"),  # the batch is not kept
        ((2, 12, 4, 4), (2, 12, 16), "reshape"),
        ((2, 12), (2, 12), "reshape"),
        (("N", 12, 4, 4), ("N", 192), "reshape (flatten)"),
        (("N", 12, "H", 4), ("N", "48*H"), "reshape"),
    ],
)
def test_a_reshape_that_flattens_says_so(before: Shape, after: Shape, text: str) -> None:
    assert op_text(step("reshape", None, before, after)) == text
