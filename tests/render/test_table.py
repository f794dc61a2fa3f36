from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.analysis.step_check import Check
from shapescope.diagnostic import ShapescopeError
from shapescope.render.line import Line, plain_text
from shapescope.render.rows import RowOptions
from shapescope.render.table import TableOptions, parse_columns, result_lines, table_lines
from shapescope.render.theme import Surface
from shapescope.result import TraceResult
from shapescope.trace import SourceSpan, TensorSpec, Trace

NETWORK_80 = """\
path   op                 settings  output           params  check
────────────────────────────────────────────────────────────────────────────────
t      identity                     1 x 1 x 28 x 28
conv1  conv2d 5x5 + relu  k5        1 x 6 x 24 x 24     156  ✓ (28-5+2*0)/1+1=24
       max_pool2d 2x2     k2 s2     1 x 6 x 12 x 12          ✓ (24-2+2*0)/2+1=12
conv2  conv2d 5x5 + relu  k5        1 x 12 x 8 x 8    1,812  ✓ (12-5+2*0)/1+1=8
       max_pool2d 2x2     k2 s2     1 x 12 x 4 x 4           ✓ (8-2+2*0)/2+1=4
       reshape (flatten)            1 x 192                  ✓ = 192
fc1    linear + relu                1 x 120          23,160  ✓ 1x192->1x120
"""

NETWORK_100 = """\
path   op                 settings  output           params  check
─────────────────────────────────────────────────────────────────────────────────────────────
t      identity                     1 x 1 x 28 x 28
conv1  conv2d 5x5 + relu  k5        1 x 6 x 24 x 24     156  ✓ (28 - 5 + 2*0)/1 + 1 = 24
       max_pool2d 2x2     k2 s2     1 x 6 x 12 x 12          ✓ (24 - 2 + 2*0)/2 + 1 = 12
conv2  conv2d 5x5 + relu  k5        1 x 12 x 8 x 8    1,812  ✓ (12 - 5 + 2*0)/1 + 1 = 8
       max_pool2d 2x2     k2 s2     1 x 12 x 4 x 4           ✓ (8 - 2 + 2*0)/2 + 1 = 4
       reshape (flatten)            1 x 192                  ✓ 1 * 12 * 4 * 4 = 1 * 192 = 192
fc1    linear + relu                1 x 120          23,160  ✓ 1 x 192 -> 1 x 120
fc2    linear + relu                1 x 60            7,260  ✓ 1 x 120 -> 1 x 60
out    linear                       1 x 10              610  ✓ 1 x 60 -> 1 x 10
4 steps shown with the row above (relu x 4): --all shows each
columns without room: MACs, sees (--columns chooses)
"""


def table(result: TraceResult, width: int, options: TableOptions | None = None) -> str:
    return plain_text(table_lines(result, Surface(width=width), options))


def test_the_table_at_80_columns(network: TraceResult) -> None:
    assert table(network, 80).startswith(NETWORK_80)


def test_the_table_at_100_columns(network: TraceResult) -> None:
    assert table(network, 100) == NETWORK_100


def test_wide_terminals_show_more(network: TraceResult) -> None:
    first = table(network, 160).splitlines()[0].split()
    assert first == ["path", "op", "settings", "output", "params", "MACs", "sees", "check"]


@pytest.mark.parametrize("model", ["network", "lenet5", "torchvision:resnet18"])
@settings(deadline=None, max_examples=30)
@given(width=st.integers(20, 200))
def test_no_line_is_wider_than_the_terminal(model: str, width: int) -> None:
    for line in table_lines(_result(model), Surface(width=width)):
        assert line.width <= max(width, 56), line.plain


@cache
def _result(model: str, *inputs: str) -> TraceResult:
    from shapescope.session import Request, run_trace

    return run_trace(Request(model, inputs))


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_every_width_shows_every_path_and_shape(network: TraceResult, width: int) -> None:
    text = table(network, width).replace(" x ", "x")
    for path in ("conv1", "conv2", "fc1", "fc2", "out"):
        assert path in text
    for shape in ("1x6x24x24", "1x6x12x12", "1x12x8x8", "1x12x4x4", "1x192", "1x120", "1x60"):
        assert shape in text


def test_ascii_terminals(network: TraceResult) -> None:
    lines = result_lines(network, Surface(width=100, unicode=False))
    assert plain_text(lines).isascii()
    assert "ok (28 - 5 + 2*0)/1 + 1 = 24" in plain_text(lines)


def test_the_failing_row_is_marked(broken: TraceResult) -> None:
    lines = table_lines(broken, Surface(width=100))
    failing = next(line for line in lines if line.plain.startswith("fc"))
    assert "✗ fails" in failing.plain
    assert {style for _, style in failing.parts} == {"mismatch"}


def test_everything_there_is_to_say(broken: TraceResult) -> None:
    text = plain_text(result_lines(broken, Surface(width=100)))
    assert text.startswith("lenet5   input x 1 x 1 x 28 x 28   traced on meta tensors\n\npath")
    assert "not reached: relu, fc1, relu1, fc2\n\nerror[linear-in-features]: " in text


def test_named_columns_are_all_shown(network: TraceResult) -> None:
    options = TableOptions(columns=("index", "op", "input", "dtype", "share", "trainable"))
    lines = table(network, 200, options).splitlines()
    assert lines[0].split() == ["#", "op", "input", "dtype", "share", "trainable"]
    row = next(line for line in lines if "conv2d 5x5 + relu" in line)
    assert row.split() == [
        "1", "conv2d", "5x5", "+", "relu", "1", "x", "1", "x", "28", "x", "28",
        "float32", "0.5%", "yes",
    ]  # fmt: skip


def test_columns_are_cut_where_they_cannot_fit(network: TraceResult) -> None:
    options = TableOptions(columns=("path", "op", "input", "output", "defined_at"))
    lines = table(network, 60, options).splitlines()
    assert max(map(len, lines[:-1])) == 60
    assert any("…" in line for line in lines)


def test_spans_as_columns(network: TraceResult) -> None:
    text = table(network, 200, TableOptions(columns=("path", "call_site", "defined_at")))
    assert "network.py:" in text


def test_unknown_columns_are_named() -> None:
    assert parse_columns("Path, call-site,,op") == ("path", "call_site", "op")
    assert parse_columns("settings,MACs,sees,called at") == (
        "window", "macs", "receptive_field", "call_site",
    )  # fmt: skip
    with pytest.raises(ShapescopeError, match="no column is called `chek`; did you mean `check`"):
        parse_columns("path,chek")
    with pytest.raises(ShapescopeError, match="names no column"):
        parse_columns(" , ")


def test_values_have_their_columns(traced: Callable[..., TraceResult]) -> None:
    from shapescope.session import Request, run_trace

    result = run_trace(Request("network", values=True))
    options = TableOptions(RowOptions(all_steps=True))
    lines = table(result, 120, options).splitlines()
    assert lines[0].split() == [
        "path", "op", "settings", "output", "params", "min", "max", "mean", "check",
    ]  # fmt: skip
    relu = next(line for line in lines if line.split()[:1] == ["relu"])
    assert relu.split()[8] == "0"


def _with_check(result: TraceResult, position: int, check: Check) -> TraceResult:
    changed = replace(result)
    checks = [*result.checks]
    checks[position] = check
    changed.__dict__["checks"] = tuple(checks)
    return changed


def test_a_mismatch_tells_both_sizes(network: TraceResult) -> None:
    conv = network.trace.leaves[0]
    wrong = _with_check(network, conv.index, Check("mismatch", ("24 + 1 = 25",), (1, 6, 25, 25)))
    text = plain_text(result_lines(wrong, Surface(width=200)))
    assert "✗ 24 + 1 = 25: 1 x 6 x 25 x 25 expected, 1 x 6 x 24 x 24 observed" in text
    assert "checks ✗ 11 of 12 match" in text
    assert "1 x 6 x 25 x 25 expected" in table(wrong, 100)


def test_unknown_is_visible(network: TraceResult) -> None:
    conv = network.trace.leaves[0]
    unsure = _with_check(network, conv.index, Check("unknown"))
    assert "? unknown" in table(unsure, 200)
    assert "1 unknown" in plain_text(result_lines(unsure, Surface(width=200)))


def test_axes_that_differ_have_a_formula_each(network: TraceResult) -> None:
    conv = network.trace.leaves[0]
    both = _with_check(network, conv.index, Check("match", ("a = 1", "b = 2"), (1,)))
    assert "✓ a = 1; b = 2" in table(both, 200)


def test_where_a_formula_does_not_fit_its_results_stand(network: TraceResult) -> None:
    conv = network.trace.leaves[0]
    long = Check("match", ("1 + " * 30 + "1 = 31", "2 + " * 30 + "2 = 62"), (31, 62))
    text = table(_with_check(network, conv.index, long), 120)
    assert "✓ = 31 x 62" in text
    assert "✓ (24 - 2 + 2*0)/2 + 1 = 12" in text  # the others keep their form
    assert "✓ = 31 x 62" in table(_with_check(network, conv.index, long), 80)


def test_names_from_the_model_cannot_paint_the_terminal(chain: Callable[..., Trace]) -> None:
    trace = chain("\x1b[31mred", input_name="[bold]x\n")
    text = plain_text(result_lines(TraceResult(trace), Surface(width=100)))
    assert "\x1b" not in text
    assert r"\x1b[31mred" in text
    assert r"[bold]x\n" in text


def test_notes_stand_below_the_header(chain: Callable[..., Trace]) -> None:
    result = TraceResult(chain(), notes=("real CPU tensors were used " * 5,))
    lines = [line.plain for line in result_lines(result, Surface(width=60))]
    assert lines[1].startswith("note: real CPU")
    assert lines[2].startswith("      ")
    assert max(map(len, lines)) <= 60


def test_tensors_that_several_outputs_have(chain: Callable[..., Trace]) -> None:
    trace = chain()
    step = replace(trace.steps[-1], outputs=(TensorSpec((1, 4)), TensorSpec((2, 4), "int64")))
    result = TraceResult(replace(trace, steps=(*trace.steps[:-1], step)))
    assert "1 x 4, 2 x 4 int64" in table(result, 100)


def test_a_result_draws_itself(network: TraceResult) -> None:
    assert str(network).startswith("network   input t 1 x 1 x 28 x 28")
    assert "path   op " in str(network)


def test_a_span_is_not_needed(chain: Callable[..., Trace]) -> None:
    text = table(TraceResult(chain()), 100, TableOptions(columns=("path", "call_site")))
    assert "0" in text
    assert SourceSpan("a.py", 1, 1, 1, 1).file not in text


def test_line_is_what_a_table_is_made_of(network: TraceResult) -> None:
    assert all(isinstance(line, Line) for line in table_lines(network))


def test_columns_without_room_are_named(network: TraceResult) -> None:
    said = "columns without room: MACs, sees (--columns chooses)"
    assert table(network, 80).splitlines()[-1] == said
    assert "without room" not in table(network, 160)
    chosen = TableOptions(columns=("path", "op", "macs"))
    assert "without room" not in table(network, 40, chosen)


def test_a_column_with_nothing_in_it_is_not_missed() -> None:
    tail = Path(__file__).parents[1] / "models" / "pictures" / "rounds.py"
    text = plain_text(table_lines(_result(f"{tail}:Tail", "2,8"), Surface(width=60)))
    # No step of it sees a part of an image: there is no such column to miss.
    assert text.splitlines()[-1] == "columns without room: MACs (--columns chooses)"
