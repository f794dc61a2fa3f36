"""Source as Python sees it: encodings, line ends, edits in memory, names around a line."""

from __future__ import annotations

import ast
import linecache
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope import source_text as text
from shapescope.source_text import (
    display_path,
    enclosing_name,
    function_at,
    overridden,
    source_lines,
    source_tree,
)

CODE = """import os


def helper(x):
    return [y for y in x]


class LeNet:
    size = 3

    def __init__(self):
        self.a = 1

    @property
    @staticmethod
    def forward(x):
        def inner(y):
            return y
        if x:
            return (
                inner(x)
            )
        return lambda: x

    class Part:
        async def run(self):
            pass


if os.sep:
    def late():
        pass
"""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (1, None),
        (4, "helper"),
        (5, "helper"),
        (6, None),
        (8, "LeNet"),
        (9, "LeNet"),
        (11, "LeNet.__init__"),
        (12, "LeNet.__init__"),
        (14, "LeNet.forward"),
        (16, "LeNet.forward"),
        (17, "LeNet.forward.inner"),
        (18, "LeNet.forward.inner"),
        (20, "LeNet.forward"),
        (21, "LeNet.forward"),
        (23, "LeNet.forward"),
        (26, "LeNet.Part.run"),
        (27, "LeNet.Part.run"),
        (31, "late"),
        (99, None),
    ],
)
def test_the_name_around_a_line(tmp_path: Path, line: int, name: str | None) -> None:
    file = tmp_path / "net.py"
    file.write_text(CODE)
    assert enclosing_name(file, line) == name


def test_lines_end_where_the_tokenizer_ends_them(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_bytes("a = 1\r\nb = '\u2028'\x0c\rc = 3\n\n".encode())
    assert source_lines(file) == ["a = 1", "b = '\u2028'\x0c", "c = 3", ""]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), max_size=5))
def test_lines_are_numbered_as_in_the_tree(parts: list[str]) -> None:
    lines = ["# " + part.replace("\0", "") for part in parts] + ["x = 1"]
    with overridden({Path("/made/up.py"): "\n".join(lines)}):
        tree = source_tree("/made/up.py")
        assert tree is not None
        assert source_lines("/made/up.py")[tree.body[0].lineno - 1] == "x = 1"


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"x = 'plain'\n", ["x = 'plain'"]),
        (b"\xef\xbb\xbfx = 1\n", ["x = 1"]),
        ("# -*- coding: utf-8 -*-\nx = 'ä'\n".encode(), ["# -*- coding: utf-8 -*-", "x = 'ä'"]),
        (b"# coding: latin-1\nx = 'plain'\n", ["# coding: latin-1", "x = 'plain'"]),
        (b"# coding: latin-1\nx = '\xe4'\n", []),
        # These bytes are UTF-8 as well, but Python reads two characters there, not one.
        ("# coding: latin-1\nx = 'ä'\n".encode(), []),
        (b"x = 1  # \xff\n", []),
        (b"", []),
    ],
)
def test_only_what_strict_utf8_reads_as_python_does_has_lines(
    tmp_path: Path, data: bytes, lines: list[str]
) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(data)
    assert source_lines(file) == lines


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("x = 1\n")
    assert source_lines(file) == ["x = 1"]
    file.write_text("def f():\n    pass\n")
    os.utime(file, ns=(1, 1))
    assert source_lines(file) == ["def f():", "    pass"]
    assert enclosing_name(file, 2) == "f"


def test_no_file_has_no_lines_and_no_names(tmp_path: Path) -> None:
    assert source_lines(tmp_path / "none.py") == []
    assert source_tree(tmp_path / "none.py") is None
    assert enclosing_name(tmp_path / "none.py", 1) is None
    assert source_lines("<stdin>") == []


@pytest.mark.parametrize("code", ["def (:\n", "x = '\0'\n", "(" * 5000])
def test_what_does_not_parse_has_no_tree(tmp_path: Path, code: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(code)
    assert source_tree(file) is None
    assert enclosing_name(file, 1) is None


def test_an_edit_in_memory_is_what_is_read_while_it_lasts(in_folder: Path) -> None:
    file = in_folder / "net.py"
    file.write_text("old = 1\n")
    with overridden({Path("net.py"): "def new():\r\n    pass\r\n"}):
        assert source_lines(file) == ["def new():", "    pass"]
        assert enclosing_name("net.py", 2) == "new"
        with overridden({file: "inner = 1\n"}):
            assert source_lines("net.py") == ["inner = 1"]
        assert source_lines("net.py") == ["def new():", "    pass"]
    assert source_lines(file) == ["old = 1"]
    with pytest.raises(ValueError, match="stop"), overridden({file: "x\n"}):
        raise ValueError("stop")
    assert source_lines(file) == ["old = 1"]


def test_a_notebook_cell_is_read_from_linecache(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "<ipython-input-7-abc>"
    lines = ["class Net:\n", "    def forward(self):\n", "        pass\n"]
    monkeypatch.setitem(linecache.cache, name, (50, None, lines, name))
    assert source_lines(name)[1] == "    def forward(self):"
    assert enclosing_name(name, 3) == "Net.forward"
    assert display_path(name) == name


def test_paths_are_shown_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "models" / "net.py"
    below.parent.mkdir()
    below.touch()
    monkeypatch.chdir(tmp_path)
    assert display_path(below) == "models/net.py"
    assert display_path("models/net.py") == "models/net.py"
    monkeypatch.chdir(below.parent)
    assert display_path(below) == "net.py"
    assert display_path(tmp_path / "other.py") == str(tmp_path / "other.py")
    assert display_path(str(below.parent) + "-2/net.py") == str(below.parent) + "-2/net.py"


def test_paths_through_a_link_are_shown_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    monkeypatch.chdir(real)
    assert display_path(link / "net.py") == "net.py"


def test_a_folder_that_was_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert text.working_folder() == ""
    assert display_path("/somewhere/net.py") == "/somewhere/net.py"


def test_the_tree_is_the_one_python_parses(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(CODE)
    tree = source_tree(file)
    assert tree is not None
    assert ast.dump(tree) == ast.dump(ast.parse(CODE))
    assert source_tree(file) is tree


NESTED = """class Net:
    class Block:
        def forward(self, x):
            return x

    @register
    class Block2:
        def forward(self, x):
            return x

    def forward(self, x):
        return x


class Other:
    class Block:
        size = 1


size = 2
"""


@pytest.mark.parametrize(
    ("line", "first"),
    [(1, 1), (2, 2), (4, 2), (6, 7), (9, 7), (12, 1), (17, 16), (15, 15), (20, None)],
)
def test_the_class_around_a_line_is_the_innermost(
    line: int, first: int | None, tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(NESTED)
    found = text.class_around(file, line)
    assert (None if found is None else found.lineno) == first


MARGINS = '''def first(): return 1
class Net:
    def __init__(
        self,
    ):
        """A text
at the margin.
        """
        self.a = f(
1)
    # a comment

# another

    @mark
    @mark(
        2
    )
    def forward(self): return """
def no_function(): pass
"""
    async def run(self):
        pass
'''


def test_a_function_alone_reads_as_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    for code in (CODE, MARGINS):
        file.write_text(code, encoding="utf-8")
        begins = {
            min([node.lineno, *(mark.lineno for mark in node.decorator_list)]): node
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.FunctionDef)
        }
        for line, wanted in begins.items():
            found = function_at(file, line)
            assert found is not None, line
            assert ast.dump(found, include_attributes=True) == ast.dump(
                wanted, include_attributes=True
            )
        assert function_at(file, 0) is None
        assert function_at(file, len(code.splitlines()) + 1) is None
        assert function_at(file, code[: code.index("self.a")].count("\n") + 1) is None


def test_a_function_alone_is_read_again_once_its_file_reads_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("def one():\n    pass\n", encoding="utf-8")
    one = function_at(file, 1)
    assert one is not None
    assert function_at(file, 1) is one
    with overridden({file: "def two():\n    pass\n"}):
        two = function_at(file, 1)
    assert two is not None
    assert (one.name, two.name) == ("one", "two")
