from __future__ import annotations

import json
from xml.etree import ElementTree

from shapescope.diagnostic import Diagnostic, Label, Severity
from shapescope.render.checked import checked_text, checked_to_json
from shapescope.render.diagnostics import one_line
from shapescope.render.junit import junit_xml
from shapescope.result import TraceResult
from shapescope.trace import SourceSpan

LABEL = Label(SourceSpan("net.py", 3, 5, 3, 9), "", primary=True)
ERROR = Diagnostic("r", Severity.ERROR, "wrong", (LABEL,), detail="torch's own\ntext")
WARNING = Diagnostic("w", Severity.WARNING, "odd")
NOTE = Diagnostic("n", Severity.NOTE, "by the way")


def test_a_model_that_is_well_has_one_line(network: TraceResult) -> None:
    assert checked_text([("network", network, ())]) == (
        "network: ok, gives 1 x 10, 12 of 12 checks match, 32,998 params, 232,440 MACs\n"
    )


def test_one_line_per_problem(network: TraceResult) -> None:
    assert checked_text([("net.py", network, (ERROR, WARNING, NOTE))]) == (
        "net.py:3:5: error[r] wrong\nnet.py: warning[w] odd\n"
    )


def test_warnings_leave_a_model_well(network: TraceResult) -> None:
    lines = checked_text([("net", network, (WARNING,))]).splitlines()
    assert lines[0] == "net: warning[w] odd"
    assert lines[1].startswith("net: ok, ")


def test_more_if_asked(network: TraceResult) -> None:
    lines = checked_text([("net", network, (ERROR, NOTE))], verbose=True).splitlines()
    assert lines == [
        "net.py:3:5: error[r] wrong", "  torch's own", "  text", "net: note[n] by the way",
    ]  # fmt: skip


def test_junit_has_a_case_for_each_model(network: TraceResult, broken: TraceResult) -> None:
    odd = Diagnostic("o", Severity.ERROR, "<b> \x1b[1m & \ud800", why=("a\nb",))
    text = junit_xml(
        [
            ("network", network, ()),
            ("lenet5", broken, broken.diagnostics),
            ("net.py", network, (WARNING, odd, ERROR)),
        ]
    )
    (suite,) = ElementTree.fromstring(text)
    assert suite.attrib == {
        "name": "shapescope check", "tests": "3", "failures": "2", "errors": "0",
    }  # fmt: skip
    fine, failing, strange = suite
    assert (fine.get("name"), len(fine)) == ("network", 0)
    failure = failing[0]
    assert failure.get("type") == "linear-in-features"
    assert failure.get("message") == one_line(broken.diagnostics[0], "lenet5")
    assert "help: nn.Linear(16 * 4 * 4, 120)" in str(failure.text)
    assert strange[0].text == (
        "net.py: error[o] <b> \\x1b[1m & \\ud800\nwhy: a\nb\n\nnet.py:3:5: error[r] wrong"
    )
    assert (strange[1].tag, strange[1].text) == ("system-out", "net.py: warning[w] odd")


def test_json(network: TraceResult, broken: TraceResult) -> None:
    data = json.loads(
        checked_to_json([("network", network, ()), ("lenet5", broken, broken.diagnostics)])
    )
    assert data["schema"] == "shapescope.check/1"
    first, second = data["models"]
    assert first == {
        "model": "network",
        "ok": True,
        "outputs": [{"shape": [1, 10], "dtype": "float32"}],
        "params": 32_998,
        "macs": 232_440,
        "diagnostics": [],
    }
    assert not second["ok"]
    assert second["diagnostics"][0]["rule"] == "linear-in-features"
