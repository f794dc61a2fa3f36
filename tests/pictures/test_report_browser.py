"""The report in a real browser: it loads nothing, says nothing, and what it offers works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapescope.result import TraceResult
from tests.pictures.report_page import click, count, detail, key, quiet, rows, search, write

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        ("lenet5", ()),
        ("lenet5", ("1,1,28,28",)),
        ("torchvision:resnet50", ()),
        pytest.param("torchvision:maskrcnn_resnet50_fpn", (), marks=pytest.mark.slow),
    ],
)
def test_the_page_is_quiet_and_works(
    model: str,
    inputs: tuple[str, ...],
    desktop: Any,
    tmp_path: Path,
    result_of: Callable[..., TraceResult],
) -> None:
    if ":" in model:
        pytest.importorskip("torchvision")
    result = result_of(model, *inputs)
    desktop.open(write(tmp_path, result))
    quiet(desktop)
    assert desktop.run("return document.querySelector('.picture svg title').textContent")
    # fold and open
    click(desktop, "#unfold")
    assert count(desktop) == len(result.trace.steps) - 1
    click(desktop, "#fold")
    assert 0 < count(desktop) < len(result.trace.steps) / 1.5
    assert len(rows(desktop)) <= count(desktop)
    click(desktop, "#unfold")
    # search
    told = search(desktop, "conv2d")
    named = [step.class_name if step.is_composite else step.op for step in result.trace.steps]
    assert int(told.split()[0]) == sum("conv2d" in name.lower() for name in named) > 0
    assert all("conv2d" in row.lower() for row in rows(desktop))
    # click a step
    first = next(step for step in result.trace.steps if step.op == "conv2d")
    click(desktop, f"#row-{first.index} .path")
    text = detail(desktop)
    assert first.path in text
    assert result.checks[first.index].formula[0] in text
    assert "^^^" in text
    search(desktop, "")
    quiet(desktop)


def test_a_failing_model_opens_at_the_failure(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    desktop.open(write(tmp_path, result_of("lenet5", "1,1,28,28")))
    text = detail(desktop)
    assert "The model fails here." in text
    assert "out = self.fc(out)" in text
    found = desktop.run("return document.getElementById('diagnostics').innerText")
    assert "error[linear-in-features]: `fc` takes 400 features, but 256 arrive" in found
    assert "help: nn.Linear(16 * 4 * 4, 120)" in found
    quiet(desktop)


def test_the_drawing_leads_to_the_step(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    result = result_of("network")
    desktop.open(write(tmp_path, result))
    pool = next(step.index for step in result.trace.steps if step.op == "max_pool2d")
    click(desktop, f".picture g[data-step='{pool}']")
    text = detail(desktop)
    assert "(24 - 2 + 2*0)/2 + 1 = 12" in text
    assert "max_pool2d" in text
    assert desktop.run("return document.querySelectorAll('.picture g.chosen').length") == 1
    assert "sees 6 x 6 of the input" in text


def test_the_receptive_field_moves_over_the_input(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    result = result_of("network")
    desktop.open(write(tmp_path, result))
    conv = next(step.index for step in result.trace.steps if step.path == "conv2")
    click(desktop, f"#row-{conv} .path")
    move = (
        "const slide = document.querySelectorAll('.slide input')[arguments[0]];"
        "slide.value = arguments[1]; slide.dispatchEvent(new Event('input'));"
        "return document.querySelector('.sight').getAttribute('aria-label')"
    )
    desktop.run(move, 0, 0)
    # the first value sees rows 0..13, the last one of columns 14..27: 28 = 14 + 2 * 7
    assert desktop.run(move, 1, 7) == "output (0, 7) sees 0..13 x 14..27"


def test_keys_move_fold_and_choose(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    desktop.open(write(tmp_path, result_of("lenet5")))
    active = "return document.getElementById('grid').getAttribute('aria-activedescendant')"
    assert desktop.run(active) == "row-1"
    key(desktop, "ArrowDown", "ArrowDown")
    assert desktop.run(active) == "row-3"
    key(desktop, "ArrowLeft")
    assert desktop.run(active) == "row-1"
    key(desktop, "ArrowLeft")
    assert desktop.run("return document.getElementById('row-1').ariaExpanded") == "false"
    assert desktop.run("return document.getElementById('row-2')") is None
    key(desktop, "ArrowRight")
    assert desktop.run("return document.getElementById('row-1').ariaExpanded") == "true"
    key(desktop, "End", "Enter")
    assert "fc2" in detail(desktop)
    key(desktop, "Home")
    assert desktop.run(active) == "row-1"
    desktop.run(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))"
    )
    assert desktop.run("return document.activeElement.id") == "search"


def test_columns_sort(desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]) -> None:
    desktop.open(write(tmp_path, result_of("lenet5")))
    click(desktop, "[data-sort=params]")
    assert rows(desktop)[:3] == ["fc linear", "fc1 linear", "layer2.0 conv2d"]
    head = "return document.querySelector('[data-sort=params]').closest('th').ariaSort"
    assert desktop.run(head) == "descending"
    click(desktop, "[data-sort=params]")
    assert desktop.run(head) == "ascending"
    assert rows(desktop)[-1] == "fc linear"
    click(desktop, "[data-sort=params]")
    assert rows(desktop)[0] == "layer1 Sequential"


def test_a_phone_needs_no_scrolling_sideways(
    browser: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    browser.resize(390, 844, phone=True)
    for model, inputs in (("lenet5", ()), ("lenet5", ("1,1,28,28",))):
        browser.open(write(tmp_path, result_of(model, *inputs)))
        width = browser.run("return document.scrollingElement.scrollWidth")
        assert width <= 390
        click(browser, "#rows tr[data-step] .path")
        sheet = browser.run(
            "const box = document.getElementById('detail').getBoundingClientRect();"
            "return [box.left, box.right, box.bottom]"
        )
        assert sheet[0] >= 0
        assert sheet[1] <= 390
        assert sheet[2] <= 844.5


def test_paper_gets_every_row(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    pytest.importorskip("torchvision")
    result = result_of("torchvision:resnet50")
    desktop.open(write(tmp_path, result))
    assert len(rows(desktop)) < 60
    click(desktop, "#unfold")
    desktop.run("dispatchEvent(new Event('beforeprint'))")
    assert len(rows(desktop)) == len(result.trace.steps) - 1
    desktop.run("dispatchEvent(new Event('afterprint'))")
    assert len(rows(desktop)) < 60


def test_light_and_dark_can_be_switched(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    desktop.open(write(tmp_path, result_of("lenet5")))
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = desktop.run(paper)
    click(desktop, "#theme")
    assert desktop.run(paper) != before
    click(desktop, "#theme")
    assert desktop.run(paper) == before


def test_a_link_to_a_step_opens_it(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    page = write(tmp_path, result_of("lenet5"))
    desktop.visit(page.as_uri() + "#step-12")
    assert detail(desktop).startswith("fc\n")
