from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

from shapescope.api import params
from shapescope.result import TraceResult
from shapescope.trace import Trace


class Reader(HTMLParser):
    """Tags in balance, and the text of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "br":
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def test_the_documents_rows(network: TraceResult) -> None:
    reader = read(network._repr_html_())
    shapes = [row[reader.rows[0].index("output")] for row in reader.rows[1:]]
    assert shapes == [
        "1 x 1 x 28 x 28", "1 x 6 x 24 x 24", "1 x 6 x 12 x 12", "1 x 12 x 8 x 8",
        "1 x 12 x 4 x 4", "1 x 192", "1 x 120", "1 x 60", "1 x 10",
    ]  # fmt: skip
    table = {"div", "b", "br", "table", "tr", "th", "td", "pre"}
    assert reader.tags <= table | {"svg", "title", "desc", "g", "path", "rect", "text"}


def test_nothing_from_the_model_is_markup(chain: Callable[..., Trace]) -> None:
    html = TraceResult(chain("<script>alert(1)</script>", input_name="<b>")).to_dict()
    assert html["model"] == "Net"
    drawn = TraceResult(chain("<script>alert(1)</script>", input_name="<b>"))._repr_html_()
    assert "script" not in read(drawn).tags
    assert "&lt;script&gt;" in drawn


def test_diagnostics_are_shown(broken: TraceResult) -> None:
    assert "error[linear-in-features]" in broken._repr_html_()


def test_parameters_as_a_table() -> None:
    reader = read(params("network")._repr_html_())
    assert len(reader.rows) == 11
    assert reader.rows[1][:2] == ["conv1.weight", "6 x 1 x 5 x 5"]
