from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from shapescope.render.markdown import escape
from shapescope.result import TraceResult
from shapescope.trace import Trace


def cells(line: str) -> list[str]:
    """The cells of a row as Markdown reads them."""
    parts = re.split(r"(?<!\\)\|", line.strip())
    return [re.sub(r"\\(.)", r"\1", part.strip()) for part in parts[1:-1]]


def test_the_documents_rows(network: TraceResult) -> None:
    lines = network.to_markdown().splitlines()
    assert lines[0].startswith("network   input t 1 x 1 x 28 x 28")
    table = [cells(line) for line in lines if line.startswith("|")]
    assert table[0][:2] == ["path", "op"]
    assert table[1][table[0].index("params")] == "---:"
    rows = {row[0]: row for row in table[2:]}
    assert rows["conv1"][table[0].index("output")] == "1 x 6 x 24 x 24"
    assert rows["conv1"][table[0].index("check")] == "✓ (28 - 5 + 2*0)/1 + 1 = 24"
    assert len(table) == 11
    assert "- params 32,998 (all trainable)" in lines


@given(st.text(max_size=40))
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    row = f"| {escape(text)} | end |"
    assert "\n" not in row
    assert cells(row)[-1] == "end"
    assert len(cells(row)) == 2


def test_names_are_escaped(chain: Callable[..., Trace]) -> None:
    text = TraceResult(chain("a|b<script>")).to_markdown()
    assert r"a\|b\<script\>" in text


def test_diagnostics_stand_in_a_block(broken: TraceResult) -> None:
    text = broken.to_markdown()
    body = text[text.index("error[linear-in-features]") :]
    fence = text[: text.index("error[linear-in-features]")].rstrip("\n").splitlines()[-1]
    assert set(fence) == {"`"}
    assert len(fence) >= 3
    assert body.rstrip("\n").splitlines()[-1] == fence
