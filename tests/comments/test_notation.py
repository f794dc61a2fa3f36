"""Shapes in comments: every spelling is read, and what is no shape is left alone."""

from __future__ import annotations

import pytest

from shapescope.analysis.comments.notation import annotation_axes, written_shapes
from shapescope.analysis.comments.spelling import respelled, style_of


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("(16,14,14)", [("16", "14", "14")]),
        ("[B, 16, 14, 14]", [("B", "16", "14", "14")]),
        ("N x 16 x 14 x 14", [("N", "16", "14", "14")]),
        ("(16*14*14)", [("16", "14", "14")]),
        ("torch.Size([1, 6, 24, 24])", [("1", "6", "24", "24")]),
        ("-> 64x7x7", [("64", "7", "7")]),
        ("64x7x7 => 64x5x5", [("64", "7", "7"), ("64", "5", "5")]),
        ("32x32x32 -> 32x16x16", [("32", "32", "32"), ("32", "16", "16")]),
        ("bs, 400", [("bs", "400")]),
        ("x: (B, T, C)", [("B", "T", "C")]),
        ("shape: 2 x 10", [("2", "10")]),
        ("Shape: [2, 32]", [("2", "32")]),
        ("shape = (2, 1)", [("2", "1")]),
        ("6@28x28", [("6", "28", "28")]),
        ("output shape (16, 28, 28)", [("16", "28", "28")]),
        ("flatten to (batch_size, 32 * 7 * 7)", [("batch_size", "32 * 7 * 7")]),
        ("max in 2x2 area, output shape (16, 14, 14)", [("16", "14", "14")]),
        ("(B, H/2, W/2, 2*C)", [("B", "H/2", "W/2", "2*C")]),
        ("q, k, v: (B, T, C)", [("B", "T", "C")]),
        ("now B x T x 2H", [("B", "T", "2H")]),
        ("conv1 (6, 24, 24)", [("6", "24", "24")]),
        ("(10,)", [("10",)]),
        ("[batch, seq_len, hidden]", [("batch", "seq_len", "hidden")]),
        ("-> B,16,14,14", [("B", "16", "14", "14")]),
        ("=> 16,14,14", [("16", "14", "14")]),
        ("y: B, T, C", [("B", "T", "C")]),
        ("B, T, C -> B, T, 2C", [("B", "T", "C"), ("B", "T", "2C")]),
        ("B x 32 x H/2 x W/2", [("B", "32", "H/2", "W/2")]),
        ("Bx3xH/2xW/2", [("B", "3", "H/2", "W/2")]),
        ("bx3xhxw", [("b", "3", "h", "w")]),
        ("state size. (ngf*8) x 4 x 4", [("(ngf*8)", "4", "4")]),
        ("mean over (H, W): B x 32", [("B", "32")]),
        ("N x E, last step", [("N", "E")]),
        ("src = [src len, batch size]", [("src len", "batch size")]),
        (
            "[batch size, hid dim * num directions]",
            [("batch size", "hid dim * num directions")],
        ),
        ("[B,N,3]x[B,3,3] = [B,N,3]", [("B", "N", "3"), ("B", "3", "3"), ("B", "N", "3")]),
        ("N * 1 * 28 * 28", [("N", "1", "28", "28")]),
        ("(N, co, H, W)", [("N", "co", "H", "W")]),
        ("(B, 4), (B, 3)", [("B", "4"), ("B", "3")]),
        ("(B, (H/2)*(W/2), C)", [("B", "(H/2)*(W/2)", "C")]),
        ("type: ignore[operator]  # (B, 8)", [("B", "8")]),
        ("a tensor of dimensions (N, 3, H, W)", [("N", "3", "H", "W")]),
        ("x.shape == [2, 2048]", [("2", "2048")]),
        ("N,C,H,W = 1,3,224,224", [("1", "3", "224", "224")]),
        ("[None, 3, 224, 224]", [("None", "3", "224", "224")]),
        ("(5,)", [("5",)]),
        ("6 @ 28x28", [("6", "28", "28")]),
        ("16 @ 10 x 10", [("16", "10", "10")]),
        ("64@96*96", [("64", "96", "96")]),
        ("16*5*5 -> 120", [("16", "5", "5"), ("120",)]),
        ("28*28 -> 14*14", [("28", "28"), ("14", "14")]),
        ("784 -> 128, encoder", [("784",), ("128",)]),
        ("9x9 -> 7x7", [("9", "9"), ("7", "7")]),
        ("z ~ N(mu, sigma^2), z: 128 x 20", [("128", "20")]),
        ("N * 16", [("N", "16")]),
        ("Bxk", [("B", "k")]),
        ("nW*B, win_size, win_size, C", [("nW*B", "win_size", "win_size", "C")]),
        ("B_, heads, N, N", [("B_", "heads", "N", "N")]),
        ("input should have dimension (N, C, L)", [("N", "C", "L")]),
    ],
)
def test_spellings_are_read(text: str, shapes: list[tuple[str, ...]]) -> None:
    found = written_shapes(" " + text)
    assert [one.says for one in found] == shapes
    assert all((" " + text)[one.start : one.end] == one.text for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "3x3 conv",
        "kernel 5",
        "kernel size (3, 3)",
        "lr 0.01, 0.001",
        "(see eq. 3)",
        "mean over dims (2, 3)",
        "[1] Redmon, 2018",
        "axes 0, 1, 3, 4, 2",
        "stride 2 x 2 x 2",
        "p in [0, 1]",
        "type: int, int",
        "Copyright (c) 2020, 2021",
        "TODO(bob): fix 3, 4",
        "view(-1, 400)",
        "x[0, 1]",
        "issue #12, 13",
        "(yes, no)",
        "2x upsampling",
        "fc layer, relu",
        "momentum (0.9, 0.999)",
        "batch first (default)",
        "a 7x7 kernel",
        "(1)",
        "padding=(1, 1)",
        "for i in (1, 2, 3)",
        "e.g. 3x3, 5x5",
        "fully connected layer, output 10 classes",
        "re-assemble all head outputs side by side",
        "q, k, v",
        "(q, k, v)",
        "(x, y, w, h)",
        "returns (h, c)",
        "output (logits)",
        "(output, hidden)",
        "[[10, 13], [16, 30]]",
        "F.interpolate(x, size=(224, 224))",
        "A, B, C",
        "max",
        "(batch first, hidden size)",
        "(batch size, learning rate)",
        "average over (H, W)",
        "B x 16 x H^2",
        "10 classes (0, 1, ..., 9)",
        "pool 2x2x2",
        "max pool (3, 3, 3)",
        "pool 2 x 2",
        "1x1 -> 3x3 conv branch",
        "project from d_model => h x d_k",
        "v are B, heads, C, L -> C x C attn map",
        "ksize [1, 2, 2, 1]",
        "cut so that [B, 4, N//4, C].max(1) pools",
        "1 -> 2",
        "see 12 -> 13 below",
        "N * 16 weights in all",
    ],
)
def test_what_is_no_shape_is_left_alone(text: str) -> None:
    assert written_shapes(" " + text) == ()


def test_what_stands_before_an_arrow_goes_in() -> None:
    found = written_shapes(" (B, nh, T, hs) x (B, nh, hs, T) -> (B, nh, T, T)")
    assert [one.role for one in found] == ["input", "input", "output"]
    assert written_shapes(" input shape (1, 28, 28)")[0].role == "input"


@pytest.mark.parametrize(
    "text", ["(2, 3)", "[4, 4]", "3 x 3", "2x2", "y: 2 x 9", "3x3x3", "(2, 2, 2)", "N * 16"]
)
def test_two_small_numbers_are_a_shape_only_where_two_axes_are(text: str) -> None:
    (one,) = written_shapes(" " + text)
    assert one.weak
    assert not written_shapes(f" see {text}")


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("output 14x14", ("...", "14", "14")),
        ("(H/2, W/2)", ("...", "H/2", "W/2")),
        ("64x64x3", ("3", "64", "64")),
    ],
)
def test_height_and_width_may_be_all_and_channels_may_be_last(
    text: str, reading: tuple[str, ...]
) -> None:
    assert written_shapes(" " + text)[0].readings == (reading,)


def test_what_stands_before_an_equals_sign_goes_in() -> None:
    found = written_shapes(" [B,N,3]x[B,3,3] = [B,N,3]")
    assert [one.role for one in found] == ["input", "input", "both"]
    assert {one.names for one in found} == {()}


def test_what_is_added_goes_in() -> None:
    found = written_shapes(" over the batch: [1, 17, 48] + [2, 17, 48]")
    assert [one.role for one in found] == ["input", "input"]


def test_the_axes_of_an_annotation() -> None:
    assert annotation_axes("batch 3 h=4 *rest _ #w") == ("batch", "3", "4", "...", "_", "w")


@pytest.mark.parametrize(
    ("text", "shape", "right"),
    [
        ("(16,14,14)", (8, 16, 14, 15), "(16,14,15)"),
        ("[B, 16, 7, 7]", (8, 32, 7, 7), "[B, 32, 7, 7]"),
        ("N x 16 x 14 x 14", (2, 16, 5, 5), "N x 16 x 5 x 5"),
        ("64x7x7", (64, 5, 7), "64x5x7"),
        ("6@28x28", (1, 6, 24, 24), "6@24x24"),
        ("torch.Size([1, 6, 24, 24])", (1, 6, 28, 24), "torch.Size([1, 6, 28, 24])"),
        ("(B, 400)", (4, 16, 5, 5), "(B, 16, 5, 5)"),
        ("(32 * 7 * 7, 10)", (1568, 11), "(32 * 7 * 7, 11)"),
        ("(ngf*2) x 15 x 15", (16, 16, 16), "(ngf*2) x 16 x 16"),
    ],
)
def test_a_wrong_shape_is_put_right_in_its_own_spelling(
    text: str, shape: tuple[int, ...], right: str
) -> None:
    (one,) = written_shapes(" " + text)
    assert respelled(one, shape) == right


def test_a_wrong_part_of_a_name_becomes_the_name() -> None:
    (one,) = written_shapes(" B x 16 x H/2 x W/2")
    known = {"B": 2, "H": 32, "W": 20}
    assert respelled(one, (2, 16, 32, 10), known) == "B x 16 x H x W/2"
    assert respelled(one, (2, 16, 8, 10), known) == "B x 16 x 8 x W/2"


def test_the_style_of_a_shape() -> None:
    style = style_of(written_shapes(" [bs, 3, 4]")[0])
    assert (style.opening, style.closing, style.separator, style.batch) == ("[", "]", ", ", "bs")
    assert style.spell(["bs", "7"]) == "[bs, 7]"
    style = style_of(written_shapes(" (ngf*8) x 4 x 4")[0])
    assert (style.opening, style.separator) == ("", " x ")
    assert style_of(written_shapes(" [-1, 64, 14]")[0]).batch == "-1"
