"""Edits in texts, and edits between two texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.analysis.fixes.apply import edited, edits_between, with_line_ends
from shapescope.diagnostic import Edit
from shapescope.trace import SourceSpan

LINES = st.lists(st.text("abc (),=\t", max_size=8), max_size=8)


def edit(line: int, column: int, end_line: int, end_column: int, text: str) -> Edit:
    return Edit(SourceSpan("net.py", line, column, end_line, end_column), text)


def test_edits_speak_of_the_text_as_it_is() -> None:
    text = "one two\nthree\n"
    made = edited(text, [edit(1, 5, 1, 8, "2"), edit(1, 1, 1, 4, "1"), edit(2, 1, 2, 1, "new\n")])
    assert made == "1 2\nnew\nthree\n"


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        edited("abcdef", [edit(1, 1, 1, 4, "x"), edit(1, 3, 1, 5, "y")])


def test_places_outside_of_the_text_are_refused() -> None:
    with pytest.raises(ValueError, match="line 9"):
        edited("a\n", [edit(9, 1, 9, 1, "x")])
    with pytest.raises(ValueError, match="column 7"):
        edited("a\n", [edit(1, 7, 1, 7, "x")])


@given(LINES, LINES)
def test_edits_between_two_texts_make_one_the_other(one: list[str], two: list[str]) -> None:
    before = "".join(f"{line}\n" for line in one)
    after = "".join(f"{line}\n" for line in two)
    assert edited(before, edits_between("net.py", before, after)) == after


def test_a_changed_number_is_a_small_edit() -> None:
    (found,) = edits_between("net.py", "x = f(400, 120)\n", "x = f(256, 120)\n")
    assert (found.span.column, found.replacement) == (7, "256")


@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_line_ends_stay(lines: list[str], end: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    data = text.replace("\n", end).encode()
    made = with_line_ends(data, text, text + "more\n")
    assert made is not None
    assert made.startswith(data)


def test_a_file_that_is_not_utf8_is_left_alone() -> None:
    assert with_line_ends(b"x = '\xff'\n", "x", "y") is None
