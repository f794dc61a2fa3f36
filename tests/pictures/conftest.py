"""Traces of the models that pictures are tested with, each made once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shapescope.result import TraceResult
from shapescope.trace import Trace


@cache
def _result(model: str, inputs: tuple[str, ...]) -> TraceResult:
    from shapescope.session import Request, run_trace

    return run_trace(Request(model, inputs))


@pytest.fixture(scope="session")
def result_of() -> Callable[..., TraceResult]:
    """A model by name, traced once for all tests."""
    return lambda model, *inputs: _result(model, inputs)


@pytest.fixture(scope="session")
def trace_of() -> Callable[..., Trace]:
    """The trace alone."""
    return lambda model, *inputs: _result(model, inputs).trace


class Browser:
    """A headless Chromium, and what it noted: errors of the page, requests to anywhere."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path) -> None:
        """Open a file; what was noted before is forgotten."""
        self.visit(page.as_uri())

    def visit(self, address: str) -> None:
        """Open an address; what was noted before is forgotten."""
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(address)

    def run(self, script: str, *args: Any) -> Any:
        """What a piece of JavaScript returns in the page."""
        return self.driver.execute_script(script, *args)

    def errors(self) -> list[str]:
        """What the console had to say, whatever its level."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that were asked for, but for the page itself and data inside it."""
        messages = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        sent = [one["message"] for one in messages]
        urls = [
            one["params"]["request"]["url"]
            for one in sent
            if one["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("file:", "data:", "about:"))]

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Show pages at this size, as a phone does if asked."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone},
        )


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests of pages; skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("there is no Chromium with its driver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=chromedriver)
    )
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture
def desktop(browser: Browser) -> Browser:
    """The browser at the size of a desktop."""
    browser.resize(1280, 900)
    return browser
