"""The text of every reason: one line, with the numbers of the call."""

from __future__ import annotations

import pytest

from shapescope import arithmetic as ar
from shapescope.arithmetic.axes import map_of, window


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (ar.conv_refusal((1, 1), 3), "a 3 x 3 window does not fit on a 1 x 1 map"),
        (
            ar.conv_refusal((4, 8), (8, 3), 1, (1, 0)),
            "an 8 x 3 window does not fit on a 4 x 8 map padded to 6 x 8",
        ),
        (
            ar.conv_refusal((11, 6), 3, 2, 0, (1, 3)),
            "a 3 x 3 window (dilation 1 x 3, so it spans 3 x 7) does not fit on an 11 x 6 map",
        ),
        (ar.conv_refusal((8,), 3, 0), "stride is 0, but has to be at least 1"),
        (
            ar.conv_refusal((8, 8), 3, 1, 0, (0, 1)),
            "dilation is 0 x 1, but has to be at least 1",
        ),
        (ar.conv_refusal((8,), 0), "kernel_size is 0, but has to be at least 1"),
        (ar.conv_refusal((8,), 3, 1, -1), "padding is -1, but has to be at least 0"),
        (
            ar.conv_refusal((8, 8), 3, 2, "same"),
            "padding='same' is for stride 1, not stride 2 x 2",
        ),
        (
            ar.conv_refusal((0, 5), 3, 1, 2),
            "the 0 x 5 map is empty along spatial axis 0",
        ),
        (ar.conv_refusal((0,), 3, 1, 2), "the 0 map is empty"),
        (
            ar.conv_refusal((3, 9), 5, 1, 3, padding_mode="reflect"),
            "reflect padding 3, 3 has to be smaller than the size 3",
        ),
        (
            ar.conv_refusal((2, 9), 5, 1, 3, padding_mode="circular"),
            "circular padding 3, 3 wraps around 2 more than once",
        ),
        (ar.groups_refusal(6, 8, 4), "in_channels 6 is not divisible by groups 4"),
        (ar.groups_refusal(8, 6, 4), "out_channels 6 is not divisible by groups 4"),
        (ar.groups_refusal(8, 8, 0), "groups is 0, but has to be at least 1"),
        (ar.groups_refusal(8, 0, 1), "out_channels is 0, but has to be at least 1"),
        (
            ar.groups_refusal(0, 8, 1, transposed=True),
            "in_channels is 0, but has to be at least 1",
        ),
        (ar.channels_refusal(8, 1), "the layer takes 1 channels, but 8 arrive"),
        (
            ar.pool_refusal((8, 8), 3, None, 2),
            "padding 2 x 2 is more than half of the kernel size 3 x 3",
        ),
        (
            ar.pool_refusal((1, 1), 3, 2, ceil_mode=True),
            "a 3 x 3 window does not fit on a 1 x 1 map, also with ceil_mode",
        ),
        (ar.pool_refusal((4,), 2, channels=0), "a map without channels cannot be pooled"),
        (ar.pool_refusal((4, 4), 2, kind="avg", divisor_override=0), "divisor_override is 0"),
        (
            ar.pool_refusal((1, 4, 4), 2, 2, 1, kind="avg"),
            "a 2 x 2 x 2 window does not fit on a 1 x 4 x 4 map",
        ),
        (
            ar.unpool_refusal((3, 3), 2, output_size=(8, 6)),
            "output_size 8 x 6 has to be within 2 x 2 of 6 x 6, exclusive",
        ),
        (
            ar.unpool_refusal((3, 3), 2, output_size=(5, 6), indices=(0, 35)),
            "index 35 of the pool lies outside an output of 5 x 6",
        ),
        (
            ar.unpool_refusal((3, 3), 2, indices=(-2, 35)),
            "index -2 of the pool lies outside an output of 6 x 6",
        ),
        (ar.unpool_refusal((3,), 2, channels=0), "a map without channels cannot be unpooled"),
        (ar.adaptive_refusal((3,), -1), "output_size is -1, but has to be at least 0"),
        (
            ar.adaptive_refusal((2, 0), 1, kind="max"),
            "the 2 x 0 map is empty along spatial axis 1",
        ),
        (
            ar.adaptive_refusal((2,), 1, kind="max", channels=0),
            "a map without channels has no maximum",
        ),
        (
            ar.adaptive_refusal((2, 2, 2), 2, channels=0),
            "a map without channels has no mean",
        ),
        (
            ar.fractional_pool_refusal((10, 10), 3, (9, 8)),
            "output 9 x 8 + kernel size 3 x 3 - 1 has to be at most the 10 x 10 map",
        ),
        (
            ar.fractional_pool_refusal((9, 9, 9), 2, (8, 7, 7)),
            "output 8 x 7 x 7 + kernel size 2 x 2 x 2 - 1 has to be smaller than the 9 x 9 x 9 map",
        ),
        (
            ar.transposed_refusal((7, 7), 3, 2, 0, 2),
            (
                "output_padding 2 x 2 has to be smaller than the stride 2 x 2 or than the "
                "dilation 1 x 1"
            ),
        ),
        (
            ar.transposed_refusal((1, 5), 2, 1, 1),
            "padding 1 x 1 leaves an output of 0 x 4 for a 1 x 5 map",
        ),
        (
            ar.transposed_output_padding((7, 7), (15, 13), 3, 2, 1),
            (
                "output_size 15 x 13 is outside 13 x 13 to 14 x 14, which is all that a 7 x 7 map "
                "can give"
            ),
        ),
        (ar.unfold_refusal((5,), 3), "unfold takes a map with 2 spatial axes, not 1"),
        (ar.unfold_refusal((5, 2), 3), "a 3 x 3 window does not fit on a 5 x 2 map"),
        (
            ar.unfold_refusal((5, 5), 3, channels=0),
            "a map without channels cannot be unfolded",
        ),
        (ar.fold_refusal(13, 4, 4, 2, 2), "13 is not divisible by the kernel's 2 x 2 = 4 elements"),
        (
            ar.fold_refusal(12, 9, (4, 5), 2),
            "an output of 4 x 5 takes 3 x 4 = 12 windows, but 9 arrive",
        ),
        (ar.fold_refusal(12, 0, 4, 2), "there is nothing to fold in 12 x 0"),
        (ar.fold_refusal(12, 4, (4, 0), 2), "output_size is 4 x 0, but has to be at least 1"),
        (ar.tensor_unfold_refusal(10, 11, 1), "a window of 11 does not fit on an axis of 10"),
        (ar.tensor_unfold_refusal(10, -1, 1), "size is -1, but has to be at least 0"),
        (ar.tensor_unfold_refusal(10, 1, 0), "step is 0, but has to be at least 1"),
        (ar.pad_refusal((8,), [(-5, -4)]), "padding -5, -4 crops 9, more than the 8 there are"),
        (
            ar.pad_refusal((4,), [(1, 1)], mode="wrap"),
            "padding mode 'wrap' is none of constant, reflect, replicate, circular",
        ),
        (
            ar.pad_refusal((4,), [(1, 1)], mode="reflect", rank=4),
            "mode 'reflect' cannot pad the last axis of a tensor of rank 4",
        ),
        (
            ar.pad_refusal((4,) * 4, [(1, 1)] * 4, mode="reflect"),
            "mode 'reflect' cannot pad the last 4 axes",
        ),
        (
            ar.pad_refusal((4,), [(1, 1)], mode="replicate", channels=0),
            "mode 'replicate' cannot pad a map without channels",
        ),
        (ar.pad_refusal((4,), [(-3, -1)], mode="replicate"), "padding makes 0 of 4"),
        (
            ar.pad_refusal((4,), [(-3, 2)], mode="circular"),
            "circular padding -3, 2 cannot crop and wrap a map of 4",
        ),
        (
            ar.pad_refusal((4,), [(-3, -2)], mode="circular"),
            "padding -3, -2 crops more than the 4 there are",
        ),
        (
            ar.interpolate_refusal((1, 1), (0, 0)),
            "1 x 1 -> 0 x 0: the output is 0 x 0, but has to be at least 1",
        ),
        (
            ar.interpolate_refusal((4,), (8,), mode="bilinear"),
            "mode 'bilinear' takes an input of rank 4, not 3",
        ),
        (
            ar.interpolate_refusal((4,), (8,), mode="cubic"),
            (
                "mode 'cubic' is none of nearest, nearest-exact, area, linear, bilinear, bicubic, "
                "lanczos, trilinear"
            ),
        ),
        (
            ar.interpolate_refusal((4,) * 4, (8,) * 4),
            "mode 'nearest' takes an input of rank 3 or 4 or 5, not 6",
        ),
        (
            ar.interpolate_refusal((4, 4), (8, 8), align_corners=True),
            "align_corners does not go with mode 'nearest'",
        ),
        (
            ar.interpolate_refusal((4, 4), (8, 8), antialias=True),
            "antialias does not go with mode 'nearest'",
        ),
        (
            ar.interpolate_refusal((4, 4), (8, 8), mode="lanczos"),
            "mode 'lanczos' needs antialias=True",
        ),
        (ar.interpolate_refusal((4, 4), (8,)), "1 sizes are given for 2 spatial axes"),
        (
            ar.interpolate_refusal((4, 4), (8, 8), channels=0),
            "a map without channels cannot be interpolated",
        ),
        (
            ar.pixel_shuffle_refusal((1, 6, 9, 6), 2),
            "6 channels are not divisible by 2^2 = 4",
        ),
        (
            ar.pixel_shuffle_refusal((4, 4), 2),
            "a pixel shuffle takes an input of rank 3 or more, not 2",
        ),
        (
            ar.pixel_shuffle_refusal((4, 4, 4), 0),
            "upscale_factor is 0, but has to be at least 1",
        ),
        (ar.pixel_unshuffle_refusal((2, 9, 6), 2), "height 9 is not divisible by 2"),
        (ar.pixel_unshuffle_refusal((2, 8, 5), 2), "width 5 is not divisible by 2"),
        (
            ar.pixel_unshuffle_refusal((4, 4), 2),
            "a pixel unshuffle takes an input of rank 3 or more, not 2",
        ),
        (
            ar.pixel_unshuffle_refusal((4, 4, 4), 0),
            "downscale_factor is 0, but has to be at least 1",
        ),
        (ar.channel_shuffle_refusal(8, 3), "8 channels are not divisible by 3 groups"),
        (ar.channel_shuffle_refusal(8, 0), "groups is 0, but has to be at least 1"),
        (
            ar.grid_sample_refusal((2, 3, 4, 4), (1, 5, 5, 2)),
            "the batch is 2, but the grid's is 1; nothing broadcasts",
        ),
        (
            ar.grid_sample_refusal((2, 3, 4, 4), (2, 5, 5, 3)),
            "the grid's last axis is 3, but has to be 2",
        ),
        (
            ar.grid_sample_refusal((2, 3, 4), (2, 5, 1)),
            "grid_sample takes an input and a grid of rank 4 or 5, not 3 and 3",
        ),
        (
            ar.grid_sample_refusal((2, 3, 4, 4, 4), (2, 5, 5, 5, 3), mode="bicubic"),
            "mode 'bicubic' takes an input of rank 4, not 5",
        ),
        (ar.reshape_refusal((2, 12), (-1, 5)), "2 x 12 = 24 values cannot be cut into pieces of 5"),
        (ar.reshape_refusal((2, 12), (0, -1)), "2 x 12 = 24 values cannot be cut into pieces of 0"),
        (ar.reshape_refusal((2, 12), (7,)), "2 x 12 = 24 values are not 7 = 7"),
        (ar.reshape_refusal((2, 12), (-1, -1)), "only one size of -1 x -1 can be -1"),
        (ar.reshape_refusal((2, 12), (-2, 12)), "-2 x 12 has a negative size"),
        (
            ar.reshape_refusal((0, 4), (0, -1)),
            "-1 in 0 x -1 could be anything, as there are no values",
        ),
        (ar.flatten_refusal((2, 3), 2), "axis 2 is outside a tensor of rank 2"),
        (
            ar.flatten_refusal((2, 3, 4), 2, 1),
            "flatten cannot start at axis 2 and end before it at axis 1",
        ),
        (ar.cat_refusal([], 0), "there is nothing to concatenate"),
        (ar.cat_refusal([()], 0), "a tensor without axes cannot be concatenated"),
        (ar.cat_refusal([(2, 3)], 2), "axis 2 is outside tensors of rank 2"),
        (ar.cat_refusal([(2, 3), (0, 1, 2)], 1), "2 x 3 and 0 x 1 x 2 have 2 and 3 axes"),
        (
            ar.cat_refusal([(2, 8, 27, 27), (2, 8, 28, 28)], 1),
            "2 x 8 x 27 x 27 and 2 x 8 x 28 x 28 differ along axis 2",
        ),
        (ar.maximum_refusal(0), "the maximum over an empty axis does not exist"),
        (ar.rank_refusal(3, (4,)), "the input has rank 3, but 4 is needed"),
        (ar.rank_refusal(5, (3, 4)), "the input has rank 5, but 3 or 4 is needed"),
    ],
)
def test_text(reason: str | None, text: str) -> None:
    assert reason == text


@pytest.mark.parametrize(
    ("sizes", "text"), [((8,), "an 8"), ((11, 2), "an 11 x 2"), ((80,), "an 80"), ((12,), "a 12")]
)
def test_articles(sizes: tuple[int, ...], text: str) -> None:
    assert window(sizes, (1,) * len(sizes)) == f"{text} window"
    assert map_of(sizes, ((0, 0),) * len(sizes)) == f"{text} map"


def test_arguments_that_spread() -> None:
    assert ar.per_axis(3, 2) == ar.per_axis((3,), 2) == ar.per_axis([3, 3], 2) == (3, 3)
    assert ar.padding_pairs(1, (3, 3), (1, 1)) == ((1, 1), (1, 1))
    assert ar.padding_pairs(((1, 2),), (3, 3), (1, 1)) == ((1, 2), (1, 2))
    assert ar.padding_pairs((1, (0, 2)), (3, 3), (1, 1)) == ((1, 1), (0, 2))
    assert ar.padding_pairs("valid", (3, 3), (1, 1)) == ((0, 0), (0, 0))
    assert ar.padding_pairs("same", (4, 3), (1, 2)) == ((1, 2), (2, 2))


def test_arguments_of_the_wrong_length() -> None:
    with pytest.raises(ValueError, match=r"^stride has 3 entries for 2 axes$"):
        ar.conv_refusal((8, 8), 3, (1, 1, 1))
    with pytest.raises(ValueError, match=r"^padding has 3 entries for 2 axes$"):
        ar.conv_refusal((8, 8), 3, 1, (1, 1, 1))
    with pytest.raises(ValueError, match=r"^padding is 'full', not an int, 'same' or 'valid'$"):
        ar.conv_refusal((8, 8), 3, 1, "full")


def test_either_a_size_or_a_factor() -> None:
    with pytest.raises(ValueError, match="one of size and scale_factor"):
        ar.interpolate_output(4)
    with pytest.raises(ValueError, match="one of output_size and output_ratio"):
        ar.fractional_pool_output(4, output_size=2, output_ratio=0.5)
