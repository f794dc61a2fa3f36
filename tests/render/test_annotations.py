from __future__ import annotations

import json
import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from shapescope import __version__
from shapescope.diagnostic import Diagnostic, Edit, Help, Label, Severity
from shapescope.render.annotations import github_annotation, sarif_log
from shapescope.trace import SourceSpan

SPAN = SourceSpan("my net.py", 3, 5, 3, 9)
FOUND = Diagnostic(
    "linear-in-features",
    Severity.ERROR,
    "`fc` takes 400",
    (Label(SPAN, "here", primary=True), Label(SourceSpan("my net.py", 1, 1, 2, 4), "there")),
    ("16 * 4 * 4 = 256",),
    ("100% sure",),
    (Help("take 256", (Edit(SPAN, "256"),), verified=True), Help("resize")),
)


def test_a_workflow_command() -> None:
    assert github_annotation(FOUND) == (
        "::error file=my net.py,line=3,endLine=3,col=5,endColumn=9,"
        "title=shapescope linear-in-features::`fc` takes 400%0Awhy: 16 * 4 * 4 = 256"
        "%0Anote: 100%25 sure%0Ahelp: take 256  (verified)%0Ahelp: or resize"
    )


def test_without_source_the_model_is_named() -> None:
    found = Diagnostic("too-many-macs", Severity.NOTE, "much")
    assert github_annotation(found, "lenet5") == (
        "::notice title=shapescope too-many-macs::lenet5: much"
    )


def test_columns_only_within_one_line() -> None:
    label = Label(SourceSpan("a.py", 1, 2, 4, 5), "", primary=True)
    command = github_annotation(Diagnostic("r", Severity.WARNING, "w", (label,)))
    assert command.startswith("::warning file=a.py,line=1,endLine=4,title=")


@given(st.text(max_size=30), st.text(min_size=1, max_size=30))
def test_no_text_starts_a_command_of_its_own(message: str, file: str) -> None:
    label = Label(SourceSpan(file, 1, 1, 1, 2), "", primary=True)
    command = github_annotation(Diagnostic("r", Severity.ERROR, message, (label,)))
    assert "\n" not in command
    assert "\r" not in command
    match = re.fullmatch(r"::error file=([^,:]*),line=1,.*?title=shapescope r::(.*)", command, re.S)
    assert match is not None
    assert unquote(match[1]) == unquote(file) or "%" in file
    assert match[2].replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") == message


def test_a_sarif_log() -> None:
    other = Diagnostic("other", Severity.WARNING, "w")
    log = json.loads(json.dumps(sarif_log([("net.py", FOUND), ("lenet5", other)])))
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["version"] == __version__
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "linear-in-features", "other",
    ]  # fmt: skip
    first, second = run["results"]
    assert first["level"] == "error"
    assert first["ruleIndex"] == 0
    assert first["properties"]["model"] == "net.py"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20net.py"
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}
    assert first["relatedLocations"][0]["message"]["text"] == "there"
    assert len(first["fixes"]) == 1
    replacement = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"]["text"] == "256"
    assert second["level"] == "warning"
    assert "locations" not in second
    assert "fixes" not in second


def test_an_absolute_path_is_a_file_uri() -> None:
    label = Label(SourceSpan("/a b/net.py", 1, 1, 1, 2), "", primary=True)
    log = sarif_log([("m", Diagnostic("r", Severity.ERROR, "w", (label,)))])
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "file:///a%20b/net.py"
    assert "message" not in log["runs"][0]["results"][0]["locations"][0]


def test_what_has_no_place_is_shown_at_the_models_home() -> None:
    total = Diagnostic("changed-params", Severity.ERROR, "more parameters")
    home = SourceSpan("net.py", 7, 1, 9, 1)
    results = sarif_log([("net.py", total), ("m", total)], [home, None])["runs"][0]["results"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "net.py"}, "region": {"startLine": 7}}
    assert "locations" not in results[1]
