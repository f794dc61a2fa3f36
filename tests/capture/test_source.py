"""Spans of calls, and whose code a frame runs."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from shapescope.capture import source
from shapescope.capture.source import call_user, code_span, is_user_code, traceback_site, user_frame
from shapescope.networks.lenet5 import LeNet5
from shapescope.source_text import overridden, source_lines
from shapescope.trace import SourceSpan


def text_at(span: SourceSpan | None) -> str:
    """The source a span covers, its lines joined by newlines."""
    assert span is not None
    lines = source_lines(span.file)[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def raised_in(file: Path, code: str | bytes, name: str = "f") -> source.Site:
    """The site of the exception that the function `name` of a file raises."""
    data = code if isinstance(code, bytes) else code.encode()
    file.write_bytes(data)
    space: dict[str, Callable[[], object]] = {}
    exec(compile(data, str(file), "exec"), space)
    with pytest.raises(ZeroDivisionError) as caught:
        call_user(space[name])
    site = traceback_site(caught.value)
    assert site is not None
    return site


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def f():\n    return 1 + (1/0)\n", "1/0"),
        ("def f():\n\treturn 1/0\n", "1/0"),
        ("def f():\n    return ('é€😀', 1/0)\n", "1/0"),
        ("def f():\n    größe = 0; return 1/größe\n", "1/größe"),
        ("def f():\n    return (1\n            / 0)\n", "1\n            / 0"),
        ("def f():\n    é = [\n        1 /\n        int('0'),\n    ]\n", "1 /\n        int('0')"),
        ("\ufeffdef f(): return 1/0\n", "1/0"),
        ("# \u2028 \x0c\ndef f():\n    return 1/0\n", "1/0"),
        ("def f():\r\n    x = 1\r\n    return 1/0\r\n", "1/0"),
    ],
)
def test_a_span_covers_the_expression(in_folder: Path, code: str, text: str) -> None:
    span = code_span(*raised_in(in_folder / "net.py", code))
    assert span is not None
    assert span.file == "net.py"
    assert text_at(span) == text


def test_columns_count_characters_from_one_and_a_tab_is_one(in_folder: Path) -> None:
    span = code_span(*raised_in(in_folder / "net.py", "def f():\n\treturn ('é😀', 1/0)\n"))
    assert span == SourceSpan("net.py", 2, 16, 2, 19)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\\'\0"), max_size=12))
def test_columns_are_right_behind_any_text(before: str) -> None:
    code = f"def f():\n    return ('{before}', 1/0)\n"
    file = "/made/up/columns.py"
    space: dict[str, Callable[[], object]] = {}
    exec(compile(code, file, "exec"), space)
    with pytest.raises(ZeroDivisionError) as caught:
        space["f"]()
    site = traceback_site(caught.value)
    assert site is not None
    with overridden({Path(file): code}):
        # A fresh cache: the same code object may stand for several examples.
        source._spans.clear()
        assert text_at(code_span(*site)) == "1/0"


@pytest.mark.parametrize(
    "data",
    [
        b"# coding: latin-1\ndef f():\n    return ('\xe4', 1/0)\n",
        b"def f():\n    return 1/0  # \xff\n",
    ],
)
def test_no_span_where_utf8_does_not_read_the_source(in_folder: Path, data: bytes) -> None:
    assert code_span(*raised_in(in_folder / "net.py", data)) is None


def test_no_span_without_a_file(in_folder: Path) -> None:
    site = raised_in(in_folder / "net.py", "def f():\n    return 1/0\n")
    (in_folder / "net.py").unlink()
    assert code_span(*site) is None


def test_no_span_where_the_file_became_shorter(in_folder: Path) -> None:
    site = raised_in(in_folder / "net.py", "def f():\n    return 1/0\n")
    (in_folder / "net.py").write_text("def f(): 1\n")
    assert code_span(*site) is None
    site = raised_in(in_folder / "net.py", "def f():\n    return 1/0\n")
    (in_folder / "net.py").write_text("def f():\n    x\n")
    assert code_span(*site) is None


def test_no_span_for_an_offset_outside_the_code() -> None:
    code = (lambda: None).__code__
    assert code_span(code, 10_000) is None
    assert code_span(code, -1) is None


def test_the_whole_line_where_python_kept_no_columns(in_folder: Path) -> None:
    code, lasti = raised_in(in_folder / "net.py", "def f():\n    return 1/0  \n")
    bare = code.replace(co_linetable=_without_columns(code))
    assert code_span(bare, lasti) == SourceSpan("net.py", 2, 5, 2, 15)


def _without_columns(code: types.CodeType) -> bytes:
    """A location table in which every instruction has a line and no column."""
    table = bytearray()
    previous = code.co_firstlineno
    for line, *_ in code.co_positions():
        # Code 13 of PEP 626's successor: a signed line delta, no columns, one instruction.
        delta = (line or previous) - previous
        previous = line or previous
        table += bytes([0x80 | (13 << 3), (abs(delta) << 1) | (delta < 0)])
    return bytes(table)


def test_equal_functions_of_two_files_keep_their_files(in_folder: Path) -> None:
    first = raised_in(in_folder / "a.py", "def f():\n    return 1/0\n")
    second = raised_in(in_folder / "b.py", "def f():\n    return 1/0\n")
    assert first[0] == second[0]
    assert [code_span(*site) for site in (first, second)] == [
        SourceSpan("a.py", 2, 12, 2, 15),
        SourceSpan("b.py", 2, 12, 2, 15),
    ]


def test_the_file_is_shown_from_the_folder_one_is_in(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = raised_in(in_folder / "net.py", "def f():\n    return 1/0\n")
    span = code_span(*site)
    other = in_folder / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    elsewhere = code_span(*site)
    assert span is not None
    assert elsewhere is not None
    assert (span.file, elsewhere.file) == ("net.py", str(in_folder / "net.py"))


def test_the_cache_is_emptied_before_it_grows_without_end(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = raised_in(in_folder / "net.py", "def f():\n    return 1/0\n")
    span = code_span(*site)
    monkeypatch.setattr(source, "_MOST_CACHED", 0)
    source._spans[(0, 0, "")] = (site[0], None)
    assert code_span(site[0], site[1] + 0) == span
    other = raised_in(in_folder / "other.py", "def f():\n    return 1/0\n")
    assert code_span(*other) is not None
    assert len(source._spans) == 1


def code_from(name: str) -> types.CodeType:
    return compile("pass", name, "exec")


SITE = str(Path(torch.__file__).parents[1])


@pytest.mark.parametrize(
    ("name", "is_users"),
    [
        ("/home/me/net.py", True),
        ("net.py", True),
        (f"{SITE}/torchvision/models/resnet.py", True),
        (f"{SITE}/timm/models/vit.py", True),
        (f"{SITE}/transformers/models/bert/modeling_bert.py", True),
        ("/home/me/.venv/lib/python3.11/dist-packages/mymodels/net.py", True),
        (f"{SITE}/torch/nn/modules/conv.py", False),
        (f"{SITE}/einops/einops.py", False),
        (f"{SITE}/jaxtyping/_decorator.py", False),
        (f"{SITE}/typing_extensions.py", False),
        (json.__file__, False),
        (source.__file__, False),
        (str(Path(source.__file__).parents[1] / "networks" / "lenet5.py"), True),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        ("<eval_with_key>.3", False),
        ("<ipython-input-1-abc>", True),
        ("<stdin>", True),
    ],
)
def test_whose_code_it_is(name: str, is_users: bool) -> None:
    assert is_user_code(code_from(name)) is is_users
    assert is_user_code(code_from(name)) is is_users


def test_the_innermost_frame_of_the_users() -> None:
    found: list[source.Site | None] = []

    class Probe(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    probe = Probe()
    probe.register_forward_pre_hook(lambda *_: found.append(user_frame(sys._getframe(1))))
    net = nn.Sequential(probe)
    call_user(net, torch.ones(1))
    assert found == [None]

    def forward() -> None:
        net(torch.ones(1))

    call_user(forward)
    site = found[1]
    assert site is not None
    assert site[0] is forward.__code__
    assert text_at(code_span(*site)) == "net(torch.ones(1))"


def test_the_site_of_an_exception_is_the_users_not_torchs() -> None:
    with pytest.raises(RuntimeError) as caught:
        call_user(LeNet5().eval(), torch.ones(1, 1, 28, 28))
    site = traceback_site(caught.value)
    assert site is not None
    assert text_at(code_span(*site)) == "self.fc(out)"


def test_what_calls_the_model_is_not_the_models_own() -> None:
    with pytest.raises(RuntimeError) as caught:
        call_user(nn.Sequential(nn.Linear(2, 2)), torch.ones(1, 3))
    assert traceback_site(caught.value) is None
    with pytest.raises(RuntimeError) as caught:
        nn.Sequential(nn.Linear(2, 2))(torch.ones(1, 3))
    assert traceback_site(caught.value) is not None


def test_no_traceback_no_site() -> None:
    assert traceback_site(ValueError("never raised")) is None
    assert user_frame(None) is None


def test_call_user_passes_everything_on() -> None:
    assert call_user(dict, a=1, b=2) == {"a": 1, "b": 2}
    assert call_user(max, 1, 3, 2) == 3
