"""A report in a browser: what it shows, and the hands of its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shapescope.render.report import RunView, report_html
from shapescope.result import TraceResult


def write(folder: Path, result: TraceResult, run: RunView | None = None) -> Path:
    """The report as a file."""
    page = folder / "report.html"
    page.write_text(report_html(result, run), encoding="utf-8")
    assert page.stat().st_size < 1_000_000
    return page


def rows(browser: Any) -> list[str]:
    """The steps whose rows are drawn, as `path op`."""
    found: list[str] = browser.run(
        "return [...document.querySelectorAll('#rows tr[data-step]')]"
        ".map(row => [...row.querySelectorAll('.c-name span:not(.twist):not(.dot)')]"
        ".map(part => part.textContent).join(' '))"
    )
    return found


def count(browser: Any) -> int:
    """How many rows there are, drawn or not, without the head."""
    return int(browser.run("return document.getElementById('grid').ariaRowCount")) - 1


def search(browser: Any, words: str) -> str:
    """Type into the search box; what it says of the result."""
    told: str = browser.run(
        "const box = document.getElementById('search'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('input'));"
        "return document.getElementById('found').textContent",
        words,
    )
    return told


def click(browser: Any, selector: str) -> None:
    browser.run(
        "document.querySelector(arguments[0])"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))",
        selector,
    )


def detail(browser: Any) -> str:
    text: str = browser.run("return document.getElementById('detail').innerText")
    return text


def key(browser: Any, *keys: str) -> None:
    """Press keys in the table."""
    for one in keys:
        browser.run(
            "const grid = document.getElementById('grid'); grid.focus();"
            "grid.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))",
            one,
        )


def quiet(browser: Any) -> None:
    """Nothing on the console, nothing asked of any network."""
    assert browser.errors() == []
    assert browser.requests() == []
