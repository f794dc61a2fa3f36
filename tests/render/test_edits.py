from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shapescope.diagnostic import Edit
from shapescope.render.edits import EditedLine, edited_lines
from shapescope.trace import SourceSpan

TEXT = "first = 1\nsecond = two(3)\nthird = 4\n"


def edit(line: int, start: int, end: int, text: str, last: int | None = None) -> Edit:
    return Edit(SourceSpan("a.py", line, start, last or line, end), text)


def test_a_changed_line(in_folder: Path) -> None:
    (in_folder / "a.py").write_text(TEXT)
    assert edited_lines([edit(2, 14, 15, "5")]) == [EditedLine(2, "~", "second = two(5)")]


def test_two_edits_of_one_line_are_one_change(in_folder: Path) -> None:
    (in_folder / "a.py").write_text(TEXT)
    found = edited_lines([edit(2, 10, 13, "six"), edit(2, 14, 15, "5, 6")])
    assert found == [EditedLine(2, "~", "second = six(5, 6)")]


def test_new_lines_are_numbered_as_they_will_stand(in_folder: Path) -> None:
    (in_folder / "a.py").write_text(TEXT)
    found = edited_lines([edit(2, 1, 1, "new = 1\nnewer = 2\n")])
    assert found == [EditedLine(2, "+", "new = 1"), EditedLine(3, "+", "newer = 2")]


def test_lines_that_grow_and_shrink(in_folder: Path) -> None:
    (in_folder / "a.py").write_text(TEXT)
    grown = edited_lines([edit(2, 14, 15, "\n    5,\n")])
    assert [line.sign for line in grown] == ["~", "+", "+"]
    assert [line.text for line in grown] == ["second = two(", "    5,", ")"]
    gone = edited_lines([edit(2, 1, 6, "third", last=3)])
    assert [(line.line, line.sign) for line in gone] == [(2, "~"), (3, "-")]
    assert gone[0].text == "third = 4"


def test_lines_that_are_taken_out_are_the_ones_that_go(in_folder: Path) -> None:
    (in_folder / "a.py").write_text(TEXT)
    assert edited_lines([edit(2, 1, 1, "", last=3)]) == [EditedLine(2, "-", "second = two(3)")]
    both = edited_lines([edit(1, 1, 1, "second = two(5)\n", last=3)])
    assert both == [EditedLine(1, "-", "first = 1"), EditedLine(2, "~", "second = two(5)")]


def test_edits_keep_their_order(in_folder: Path) -> None:
    (in_folder / "a.py").write_text(TEXT)
    found = edited_lines([edit(3, 9, 10, "5"), edit(1, 9, 10, "2")])
    assert [line.line for line in found] == [3, 1]


def test_a_file_that_is_gone() -> None:
    found = edited_lines([Edit(SourceSpan("gone.py", 4, 1, 4, 2), "x")])
    assert found == [EditedLine(4, "~", "x")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_an_edit_does_what_a_splice_does(in_folder: Path, data: st.DataObject) -> None:
    (in_folder / "a.py").write_text(TEXT)
    line = data.draw(st.integers(1, 3))
    before = TEXT.splitlines()[line - 1]
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, len(before)))
    new = data.draw(st.text("abc(), ", max_size=5))
    after = before[:start] + new + before[end:]
    found = edited_lines([edit(line, start + 1, end + 1, new)])
    assert found == ([EditedLine(line, "~", after)] if after != before else [])
