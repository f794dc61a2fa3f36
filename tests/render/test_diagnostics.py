"""The worked messages, each as a whole text."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.diagnostic import Diagnostic, Edit, Help, Label, Severity
from shapescope.render.diagnostics import (
    diagnostic_lines,
    diagnostics_lines,
    help_text,
    one_line,
    request_lines,
    summary_text,
)
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.trace import SourceSpan

SURFACE = Surface(width=100)


def source(folder: Path, name: str, lines: dict[int, str], head: str = "") -> None:
    """A file that has these lines, by number, `head` on the first and the rest empty."""
    text = [lines.get(number, "") for number in range(1, max(lines) + 1)]
    text[0] = text[0] or head
    (folder / name).write_text("\n".join(text) + "\n", encoding="utf-8")


def span(file: str, line: int, text: str, part: str) -> SourceSpan:
    """The span of `part` in the text of a line."""
    column = text.index(part) + 1
    return SourceSpan(file, line, column, line, column + len(part))


def frame(found: Diagnostic) -> str:
    return plain_text(diagnostic_lines(found, SURFACE))


def test_channels(in_folder: Path) -> None:
    lines = {
        1: "class Net(nn.Module):",
        27: "    def __init__(self):",
        28: "        self.features = nn.Sequential(",
        29: "            nn.Conv2d(3, 32, 3, padding=1),",
        32: "            nn.Conv2d(64, 128, 3, padding=1),",
        33: "        )",
        34: "    def forward(self, x):",
        35: "        x = self.features(x)",
    }
    source(in_folder, "net.py", lines)
    found = Diagnostic(
        "conv-in-channels",
        Severity.ERROR,
        "`features.3` takes 64 channels, but 32 arrive",
        (
            Label(span("net.py", 32, lines[32], "64"), "in_channels = 64", primary=True),
            Label(span("net.py", 29, lines[29], "32"), "`features.0` makes 32 channels"),
            Label(span("net.py", 35, lines[35], "x = self"), "called through `self.features(x)`"),
        ),
        (
            "features.0  1 x 32 x 32 x 32",
            "features.2  1 x 32 x 16 x 16   (ReLU and MaxPool2d keep the channels)",
            "features.3  weight 128 x 64 x 3 x 3 needs 64 * groups(1) = 64",
        ),
        help=(
            Help(
                "take the 32 that arrive (changes the shape of features.3.weight)",
                (Edit(span("net.py", 32, lines[32], "64"), "32"),),
            ),
            Help("or make 64 in `features.0`: nn.Conv2d(3, 64, 3, padding=1)"),
        ),
    )
    assert frame(found) == (
        "error[conv-in-channels]: `features.3` takes 64 channels, but 32 arrive\n"
        "  --> net.py:32:23 in Net.__init__\n"
        "   |\n"
        "29 |             nn.Conv2d(3, 32, 3, padding=1),\n"
        "   |                          -- `features.0` makes 32 channels\n"
        "32 |             nn.Conv2d(64, 128, 3, padding=1),\n"
        "   |                       ^^ in_channels = 64\n"
        "   |\n"
        "   = where: called through `self.features(x)`, net.py:35:9\n"
        "   = why: features.0  1 x 32 x 32 x 32\n"
        "          features.2  1 x 32 x 16 x 16   (ReLU and MaxPool2d keep the channels)\n"
        "          features.3  weight 128 x 64 x 3 x 3 needs 64 * groups(1) = 64\n"
        "help: take the 32 that arrive (changes the shape of features.3.weight)\n"
        "32 ~             nn.Conv2d(32, 128, 3, padding=1),\n"
        "help: or make 64 in `features.0`: nn.Conv2d(3, 64, 3, padding=1)\n"
    )


def test_two_functions_and_an_added_line(in_folder: Path) -> None:
    conv = "        self.conv1 = nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)"
    lines = {
        1: "class Block(nn.Module):",
        50: "    def __init__(self):",
        51: conv,
        54: "    def forward(self, x):",
        55: "        out = out + x",
    }
    source(in_folder, "block.py", lines)
    call = "nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)"
    added = "        self.shortcut = nn.Conv2d(64, 128, 1, stride=2, bias=False)\n"
    found = Diagnostic(
        "add-shape",
        Severity.ERROR,
        "cannot add 1 x 128 x 16 x 16 and 1 x 64 x 32 x 32",
        (
            Label(
                span("block.py", 55, lines[55], "out + x"),
                "`out` is 1 x 128 x 16 x 16, `x` is 1 x 64 x 32 x 32",
                primary=True,
            ),
            Label(span("block.py", 51, conv, call), "64 -> 128 channels, 32 -> 16"),
        ),
        ("axis 1: 128 != 64; axes 2 and 3: 16 != 32; no side is 1, so nothing broadcasts",),
        ("`conv1` changed both; the shortcut `x` goes around it",),
        (
            Help(
                "project the shortcut with a 1 x 1 convolution (adds 8,192 parameters)",
                (
                    Edit(SourceSpan("block.py", 52, 1, 52, 1), added),
                    Edit(span("block.py", 55, lines[55], "out + x"), "out + self.shortcut(x)"),
                ),
                verified=True,
                changes_parameters=True,
            ),
        ),
    )
    assert frame(found) == (
        "error[add-shape]: cannot add 1 x 128 x 16 x 16 and 1 x 64 x 32 x 32\n"
        "  --> block.py:55:15 in Block.forward\n"
        "   |\n"
        "55 |         out = out + x\n"
        "   |               ^^^^^^^ `out` is 1 x 128 x 16 x 16, `x` is 1 x 64 x 32 x 32\n"
        "  ::: block.py:51:22 in Block.__init__\n"
        "   |\n"
        "51 |         self.conv1 = nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)\n"
        "   |                      ------------------------------------------------------"
        " 64 -> 128 channels, 32 -> 16\n"
        "   |\n"
        "   = why: axis 1: 128 != 64; axes 2 and 3: 16 != 32; no side is 1, so nothing broadcasts\n"
        "   = note: `conv1` changed both; the shortcut `x` goes around it\n"
        "help: project the shortcut with a 1 x 1 convolution (adds 8,192 parameters; verified)\n"
        "52 +         self.shortcut = nn.Conv2d(64, 128, 1, stride=2, bias=False)\n"
        "55 ~         out = out + self.shortcut(x)\n"
    )


def test_a_warning_with_two_edits(in_folder: Path) -> None:
    lines = {
        1: "class Net(nn.Module):",
        8: "    def __init__(self):",
        9: "        self.fc1 = nn.Linear(400, 120)",
        17: "    def forward(self, x):",
        18: "        x = x.view(-1, 400)",
    }
    source(in_folder, "net.py", lines)
    found = Diagnostic(
        "batch-folded",
        Severity.WARNING,
        "the batch of 32 becomes 128 at this line",
        (
            Label(
                span("net.py", 18, lines[18], "x.view(-1, 400)"),
                "`x` is 32 x 16 x 10 x 10 here",
                primary=True,
            ),
        ),
        ("32 * 1600 = 51,200 = 128 * 400, so view finds 128 rows and nothing raises",),
        help=(
            Help(
                "keep the batch and take what arrives (changes the shape of fc1.weight)",
                (
                    Edit(span("net.py", 18, lines[18], "x.view(-1, 400)"), "x.flatten(1)"),
                    Edit(span("net.py", 9, lines[9], "400"), "16 * 10 * 10"),
                ),
            ),
        ),
    )
    assert frame(found).splitlines()[-3:] == [
        "help: keep the batch and take what arrives (changes the shape of fc1.weight)",
        "18 ~         x = x.flatten(1)",
        " 9 ~         self.fc1 = nn.Linear(16 * 10 * 10, 120)",
    ]


def test_the_gutter_is_as_wide_as_the_longest_number(in_folder: Path) -> None:
    source(in_folder, "a.py", {1: "one = 1", 1000: "two = 2"})
    found = Diagnostic(
        "rule", Severity.NOTE, "what",
        (Label(SourceSpan("a.py", 1000, 1, 1000, 4), "here", primary=True),
         Label(SourceSpan("a.py", 1, 1, 1, 4), "there")),
        ("because",),
    )  # fmt: skip
    assert frame(found) == (
        "note[rule]: what\n"
        "    --> a.py:1000:1\n"
        "     |\n"
        "   1 | one = 1\n"
        "     | --- there\n"
        "1000 | two = 2\n"
        "     | ^^^ here\n"
        "     |\n"
        "     = why: because\n"
    )


def test_wide_characters_and_tabs(in_folder: Path) -> None:
    text = "\tx = f('卷积', y)"
    source(in_folder, "a.py", {1: text})
    found = Diagnostic(
        "rule", Severity.ERROR, "what", (Label(span("a.py", 1, text, "y"), "", primary=True),)
    )
    shown = frame(found).splitlines()
    assert shown[3] == "1 |     x = f('卷积', y)"
    assert shown[4] == "  |                   ^"


def test_a_span_over_lines_is_marked_to_the_end_of_its_first(in_folder: Path) -> None:
    source(in_folder, "a.py", {1: "x = f(a,", 2: "      b)"})
    label = Label(SourceSpan("a.py", 1, 5, 2, 9), "here", primary=True)
    assert frame(Diagnostic("r", Severity.ERROR, "w", (label,))).splitlines()[4] == (
        "  |     ^^^^ here"
    )


def test_source_that_is_gone_still_has_its_place() -> None:
    label = Label(SourceSpan("gone.py", 7, 3, 7, 4), "here", primary=True)
    found = Diagnostic("r", Severity.ERROR, "what", (label,))
    assert frame(found) == "error[r]: what\n --> gone.py:7:3\n  |\n  | line 7: here\n"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Help("do it"), "help: do it"),
        (Help("do it", verified=True), "help: do it  (verified)"),
        (
            Help("nn.Linear(256, 120)", verified=True, changes_parameters=True),
            "help: nn.Linear(256, 120)  (changes the shape of a weight; verified)",
        ),
        (
            Help("nn.Linear(256)  (changes the shape of fc1.weight)", (), True, True),
            "help: nn.Linear(256)  (changes the shape of fc1.weight; verified)",
        ),
    ],
)
def test_what_is_known_of_a_help(entry: Help, text: str) -> None:
    assert help_text(entry) == text


def test_the_second_help_is_an_alternative_and_a_third_is_not_shown() -> None:
    found = Diagnostic("r", Severity.ERROR, "w", help=(Help("a"), Help("b"), Help("c")))
    assert frame(found) == "error[r]: w\nhelp: a\nhelp: or b\n"


def test_torchs_words_only_if_asked_for() -> None:
    found = Diagnostic("r", Severity.ERROR, "w", detail="mat1 and mat2\nshapes")
    assert "mat1" not in frame(found)
    loud = plain_text(diagnostic_lines(found, SURFACE, verbose=True))
    assert loud.endswith("  = torch says: mat1 and mat2\n                shapes\n")


def test_one_line() -> None:
    label = Label(SourceSpan("net.py", 3, 4, 3, 9), "", primary=True)
    assert one_line(Diagnostic("r", Severity.ERROR, "what", (label,))) == (
        "net.py:3:4: error[r] what"
    )
    assert one_line(Diagnostic("r", Severity.NOTE, "what"), "lenet5") == "lenet5: note[r] what"
    assert one_line(Diagnostic("r", Severity.NOTE, "what")) == "note[r] what"


def test_several_are_counted() -> None:
    one = Diagnostic("r", Severity.ERROR, "w")
    assert summary_text([one, one, Diagnostic("r", Severity.NOTE, "w")]) == "2 errors, 1 note"
    lines = plain_text(diagnostics_lines([one, one], SURFACE))
    assert lines == "error[r]: w\n\nerror[r]: w\n\n2 errors\n"
    assert plain_text(diagnostics_lines([one], SURFACE)) == "error[r]: w\n"


def test_long_lines_go_on_below() -> None:
    why = " -> ".join(f"layer{number} {number}" for number in range(30))
    message = "change " + "this and " * 12 + "that"
    found = Diagnostic("r", Severity.ERROR, "w", why=(why,), help=(Help(message),))
    lines = [line.plain for line in diagnostic_lines(found, Surface(width=80))]
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("  = why: layer0 0 -> layer1 1")
    assert lines[2].startswith("         ")
    text = " ".join(line.strip() for line in lines)
    assert why in text
    assert message in text


@pytest.mark.parametrize("width", [60, 80])
def test_a_long_headline_goes_on_below(width: int) -> None:
    message = (
        "`features.denseblock4.layer16.conv1` takes 1024 channels, but 512 arrive from the skip"
    )
    found = Diagnostic("conv-in-channels", Severity.ERROR, message)
    lines = [line.plain for line in diagnostic_lines(found, Surface(width=width, terminal=True))]
    assert len(lines) > 1
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("error[conv-in-channels]:")
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(map(str.strip, lines)) == f"error[conv-in-channels]: {message}"
    # a program that reads it finds it whole
    piped = diagnostic_lines(found, Surface(width=width))
    assert piped[0].plain == f"error[conv-in-channels]: {message}"


def test_a_wrong_request_goes_on_below_for_eyes_alone() -> None:
    message = "net.py:1 exits while net.py is imported; put what is a program below its own `if`"
    found = Diagnostic("request", Severity.ERROR, message)
    narrow = [line.plain for line in request_lines(found, Surface(width=60, terminal=True))]
    assert narrow == [
        "error: net.py:1 exits while net.py is imported; put what",
        "    is a program below its own `if`",
    ]
    (whole,) = request_lines(found, Surface(width=60))
    assert whole.plain == f"error: {message}"


def test_messages_cannot_paint_the_terminal() -> None:
    found = Diagnostic("r", Severity.ERROR, "a\x1b[2Jb", why=("\x07",), notes=("x\ny",))
    text = frame(found)
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_wrong_request_is_one_clear_line() -> None:
    found = Diagnostic("request", Severity.ERROR, "no such thing", help=(Help("try this"),))
    assert plain_text(request_lines(found, SURFACE)) == "error: no such thing\nhelp: try this\n"
    other = Diagnostic("constructor", Severity.ERROR, "it raises")
    assert plain_text(request_lines(other, SURFACE)) == "error[constructor]: it raises\n"


def test_a_label_without_room_goes_on_below_its_mark(in_folder: Path) -> None:
    lines = {
        9: "        self.fc1 = nn.Linear(16 * 5 * 5, 120)",
        10: "            x = F.max_pool2d(F.relu(self.conv2(x)), 2)",
    }
    source(in_folder, "net.py", lines, "class Net:")
    parts = {9: "16 * 5 * 5", 10: "self.conv2(x)"}
    words = "1 x 16 x 8 x 8, what all that stands above it makes of it here"
    texts = {9: "in_features = 400", 10: words}
    labels = [Label(span("net.py", n, lines[n], parts[n]), texts[n]) for n in lines]
    found = Diagnostic("r", Severity.ERROR, "what", tuple(labels))

    def drawn(width: int, *, terminal: bool = False) -> list[str]:
        surface = Surface(width=width, terminal=terminal)
        return [line.plain for line in diagnostic_lines(found, surface)][3:]

    assert drawn(60) == [
        f" 9 | {lines[9]}",
        "   |                              ----------",
        "   |                              in_features = 400",
        f"10 | {lines[10]}",
        "   |                                     -------------",
        "   | 1 x 16 x 8 x 8, what all that stands above it makes of",
        "   | it here",
    ]
    assert drawn(80)[1] == "   |                              ---------- in_features = 400"
    assert drawn(80)[-1] == f"   |{words:>76}"
    # a pipe that nobody gave a width keeps it in one line, a terminal of that width does not
    assert drawn(100)[-1].endswith(f"------------- {words}")
    assert drawn(100, terminal=True)[-1].endswith(f"  {words}")
