"""Pictures of images and figures: in a terminal and in files."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

from shapescope.render import plots
from shapescope.render.images import Picture, grid_lines
from shapescope.render.line import ansi_text, plain_text
from shapescope.render.theme import Surface
from shapescope.render.training import duration, epoch_lines, progress_text, table
from shapescope.training.report import Progress

GREY = Picture(2, 3, 1, bytes([0, 100, 255, 0, 100, 255]))
RED = Picture(2, 2, 3, bytes([255] * 4 + [0] * 8))


def test_signs_from_dark_to_bright_where_there_is_no_colour() -> None:
    lines = grid_lines([GREY], ["a"], Surface(colour=False))
    assert plain_text(lines) == "a\n -@\n"


def test_two_pixels_a_character_in_grey_and_in_colour() -> None:
    grey = ansi_text(grid_lines([GREY], ["a"], Surface(colour=True)))
    assert "\x1b[38;5;232;48;5;232m▀" in grey
    assert "\x1b[38;5;255;48;5;255m▀" in grey
    colour = ansi_text(grid_lines([RED], ["a"], Surface(colour=True)))
    assert "\x1b[38;2;255;0;0;48;2;255;0;0m▀▀" in colour


def test_an_odd_height_ends_in_black() -> None:
    picture = Picture(3, 1, 1, bytes([255, 255, 255]))
    lines = grid_lines([picture], ["a"], Surface(colour=False))
    assert [line.plain.rstrip() for line in lines] == ["a", "@", "="]


@pytest.mark.parametrize(("width", "rows"), [(100, 1), (14, 2), (9, 5)])
def test_pictures_go_side_by_side_as_far_as_they_fit(width: int, rows: int) -> None:
    pictures = [Picture(2, 5, 1, bytes(10))] * 5
    lines = grid_lines(pictures, ["one"] * 5, Surface(width=width, colour=False))
    titles = [line.plain.split() for line in lines if "one" in line.plain]
    assert len(titles) == rows if width != 14 else len(titles) in (2, 3)
    assert sum(map(len, titles)) == 5
    assert all(line.width <= width + 2 for line in lines)


def test_wide_pictures_are_shown_smaller_and_long_titles_cut() -> None:
    picture = Picture(4, 200, 1, bytes(range(200)) * 4)
    lines = grid_lines([picture], ["t" * 300], Surface(width=80, colour=False))
    assert all(line.width <= 82 for line in lines)
    assert lines[0].plain.rstrip() == "t" * 78 + "…"


@pytest.mark.parametrize("epochs", [1, 3])
def test_curves_count_whole_epochs(epochs: int) -> None:
    losses = (0.5, float("nan"), float("nan"))[:epochs]
    lines = [
        {"epoch": epoch, "split": "test", "loss": loss, "top1_accuracy": 0.5}
        for epoch, loss in enumerate(losses, 1)
    ]
    _, *axes = plots.curves(lines, "net", "svg").decode().split('<g id="matplotlib.axis_')
    assert len(axes) == 4
    for across in axes[::2]:
        told = re.findall(r"<!-- (\S+) -->", across)
        assert told == [*map(str, range(1, epochs + 1)), "epoch"]


def test_a_title_that_is_cut_ends_in_an_ellipsis() -> None:
    pictures = [Picture(2, 20, 1, bytes(40))] * 2
    titles = ["3: ankle boot taken for sandal", "short"]
    line, *_ = grid_lines(pictures, titles, Surface(width=80, colour=False))
    assert line.plain.rstrip() == "3: ankle boot taken…  short"
    line, *_ = grid_lines(pictures, titles, Surface(width=80, colour=False, unicode=False))
    assert line.plain.rstrip() == "3: ankle boot take..  short"


def test_an_epoch_is_one_line_where_there_is_room_or_no_terminal() -> None:
    figures = {"loss_sum": 2e9, "top1_accuracy": 0.5, "correct": 5, "count": 10}
    speed = {"seconds": 1.0, "images_per_second": 10.0}
    lines = [
        {"epoch": 1, "split": split, "loss": loss, **figures, **speed}
        for split, loss in (("train", 0.5), ("test", 4.8e21))
    ]
    wide = (
        "epoch  1  train loss 0.5000 (sum 2.000e+09) 5/10 = 50.00 %  "
        "test loss 4.800e+21 (sum 2.000e+09) 5/10 = 50.00 %  1.0 s, 10 images/s  best so far"
    )
    for surface in (Surface(width=80), Surface(width=200, terminal=True)):
        (line,) = epoch_lines(lines, surface, best=True)
        assert line.plain == wide
    narrow = epoch_lines(lines, Surface(width=80, terminal=True), best=True)
    assert plain_text(narrow).splitlines() == [
        "epoch  1  train loss 0.5000 (sum 2.000e+09) 5/10 = 50.00 %",
        "          test loss 4.800e+21 (sum 2.000e+09) 5/10 = 50.00 %",
        "          1.0 s, 10 images/s",
        "          best so far",
    ]
    lines[1]["loss"] = float("inf")
    (line,) = epoch_lines(lines, Surface(), best=True)
    assert line.plain.endswith("  the loss is no longer a number: try a lower --lr")


def test_no_pictures_are_no_lines() -> None:
    assert grid_lines([], [], Surface()) == []


METRICS = [
    {"epoch": epoch, "split": split, "loss": 1 / epoch, "top1_accuracy": 0.5}
    for epoch in (1, 2, 3)
    for split in ("train", "test")
]


@pytest.mark.parametrize("form", ["png", "svg"])
def test_plots_are_files_of_their_form(form: str) -> None:
    drawn = [
        plots.curves(METRICS, "lenet5", form),
        plots.curves([], "nothing yet", form),
        plots.confusion([[5, 1], [0, 9]], ["cat", "dog"], "title", form),
        plots.confusion([[1] * 40] * 40, [str(i) for i in range(40)], "many", form),
        plots.grid([GREY, RED, GREY], ["a", "b", "c"], 2, form),
    ]
    for content in drawn:
        if form == "png":
            with Image.open(io.BytesIO(content)) as image:
                assert min(image.size) > 100
        else:
            assert content.startswith(b"<?xml")
            assert b"</svg>" in content


def test_the_same_svg_is_drawn_each_time() -> None:
    first, second = (plots.curves(METRICS, "lenet5", "svg") for _ in range(2))
    assert len(first) == len(second)


def test_colours_of_an_image_reach_the_file() -> None:
    with Image.open(io.BytesIO(plots.grid([RED], ["red"]))) as image:
        assert (255, 0, 0) in {pixel for _, pixel in image.convert("RGB").getcolors(100_000) or []}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_live_line_fits_the_terminal() -> None:
    progress = Progress(2, 10, 469, 938, 0.0512, 0.9843, 10_100, 45)
    text = progress_text(progress, Surface(width=200))
    assert text == (
        "epoch 2/10 ████████████············ 469/938  loss 0.0512  accuracy 98.43 %  "
        "10,100 images/s  45 s left"
    )
    assert len(progress_text(progress, Surface(width=60))) == 59
    assert "####" in progress_text(progress, Surface(width=200, unicode=False))


def test_numbers_stand_right_and_words_left() -> None:
    lines = table([("name", "count"), ("a", "5"), ("long name", "1,200")], indent=0)
    assert plain_text(lines) == "name       count\na              5\nlong name  1,200\n"
