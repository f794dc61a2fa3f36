from __future__ import annotations

import csv
import io
from collections.abc import Callable

from shapescope.render.csv import TITLES
from shapescope.result import TraceResult
from shapescope.session import Request, run_trace
from shapescope.trace import Trace


def rows(result: TraceResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.to_csv())))


def test_a_row_for_each_step(network: TraceResult) -> None:
    table = rows(network)
    assert [int(row["index"]) for row in table] == [step.index for step in network.trace.steps]
    assert list(table[0]) == list(TITLES)
    conv = table[1]
    assert conv["path"] == "conv1"
    assert conv["outputs"] == "1x6x24x24"
    assert conv["params"] == "156"
    assert conv["macs"] == "86400"
    assert conv["check"] == "match"
    assert conv["receptive_field"] == "5x5"
    assert "network.py:" in conv["defined_at"]
    assert sum(int(row["params"]) for row in table) == network.totals.params


def test_values_are_further_columns() -> None:
    table = rows(run_trace(Request("network", values=True)))
    relu = next(row for row in table if row["op"] == "relu")
    assert float(relu["min"]) == 0.0
    assert float(relu["max"]) > float(relu["mean"]) > 0
    assert table[0]["op"] == "module"


def test_names_are_no_formulas(chain: Callable[..., Trace]) -> None:
    table = rows(TraceResult(chain('=HYPERLINK("http://x")')))
    assert table[1]["path"].startswith("'=")
    assert table[1]["class"].startswith("'=")
