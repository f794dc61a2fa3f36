"""Results draw themselves in a notebook: whole, escaped, without scripts or styles of a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shapescope.render import notebook
from shapescope.result import TraceResult
from shapescope.trace import Trace

METRICS = [
    {"epoch": epoch, "split": split, "loss": 1 / epoch, "top1_accuracy": 0.4 * epoch,
     "correct": 40 * epoch, "count": 100}
    for epoch in (1, 2) for split in ("train", "<b>")
]  # fmt: skip


def tags(html: str) -> set[str]:
    """The elements of a piece of HTML that is XML, too."""
    root = ElementTree.fromstring(f"<all>{html}</all>")
    return {str(node.tag).rpartition("}")[2] for node in root.iter()} - {"all"}


def test_a_trace_draws_itself(trace_of: Callable[..., Trace]) -> None:
    html = trace_of("lenet5")._repr_html_()
    assert tags(html) == {"div", "svg", "title", "desc", "rect", "g", "path", "text"}
    assert "6 @ 28 x 28" in html


def test_a_long_picture_stays_out(
    trace_of: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "LARGEST_PICTURE", 1000)
    html = trace_of("lenet5")._repr_html_()
    assert tags(html) == {"p"}
    assert "5 x 5 conv" in html


def test_a_diagnostic_draws_itself(result_of: Callable[..., TraceResult]) -> None:
    diagnostic = result_of("lenet5", "1,1,28,28").diagnostics[0]
    html = diagnostic._repr_html_()
    assert tags(html) == {"pre", "span"}
    assert "takes 400 features, but 256 arrive" in html
    assert "-&gt; 24" in html or "-&gt;" in html


def test_a_result_draws_picture_and_table(result_of: Callable[..., TraceResult]) -> None:
    html = result_of("lenet5")._repr_html_()
    assert {"svg", "table"} <= tags(html)
    assert not {"script", "style"} & tags(html)


def test_a_run_draws_its_curves(tmp_path: Path) -> None:
    from shapescope.training.run import Run

    run = Run(tmp_path / "run")
    run.create({"model": "<script>"})
    assert "not done yet" in run._repr_html_()
    run.write_metrics(METRICS)
    html = run._repr_html_()
    assert {"svg", "polyline", "circle"} <= tags(html)
    assert not {"script", "style", "b>"} & tags(html)
    assert "&lt;b&gt;, epoch 2: loss 0.5000, 80 of 100 correct = 80.00 %" in html
    assert "&lt;script&gt;" in html
