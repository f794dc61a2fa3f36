from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

import pytest


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]

CONFIG = """\
[[tool.shapescope.models]]
model = "net.py:Net"
input = ["4,1,28,28"]
outputs = [[4, 10]]
max_params = 100_000

[[tool.shapescope.models]]
model = "lenet5"
max_macs = 5
"""


def test_a_good_model(program: Run) -> None:
    ran = program("check", "lenet5")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "lenet5: ok, gives 1 x 10, 14 of 14 checks match, 61,750 params, 416,520 MACs\n"
    )


def test_a_broken_model_has_one_line(net: Path, program: Run) -> None:
    ran = program("check", "net.py", "--input", "1,1,20,20")
    assert ran.code == 1
    assert ran.out == (
        "net.py:14:16: error[linear-in-features] `fc` takes 864 features, but 384 arrive\n"
    )


def test_an_inferred_input_is_said(net: Path, program: Run) -> None:
    ran = program("check", "net.py")
    assert ran.out.startswith("net.py: ok")
    said = "note: net.py: input 1 x 1 x 28 x 28 inferred from conv (in_channels = 1)\n"
    assert ran.err.endswith(said)
    assert "note" not in program("check", "net.py", "-i", "2,1,28,28").err


def test_expectations(net: Path, program: Run) -> None:
    good = program(
        "check", "net.py", "-i", "2,1,28,28", "--expect", "2,10", "--max-params", "8806",
        "--max-macs", "190080",
    )  # fmt: skip
    assert good.code == 0
    bad = program(
        "check", "net.py", "-i", "2,1,28,28", "--expect", "2x11", "--max-params", "8805",
        "--max-macs", "190079",
    )  # fmt: skip
    assert bad.code == 1
    assert bad.out.splitlines() == [
        "net.py: error[unexpected-output] the output is 2 x 10, expected is 2 x 11",
        "net.py: error[too-many-params] 8,806 parameters, at most 8,805",
        f"net.py: error[too-many-macs] {program_macs(good):,} multiply-adds, at most 190,079",
    ]


@pytest.mark.parametrize("spelling", ["2,10", "2x10", "(2, 10)", "[2,10]", "(2, 10,)"])
def test_an_expected_shape_may_be_spelled_as_anywhere(
    spelling: str, net: Path, program: Run
) -> None:
    assert program("check", "net.py", "-i", "2,1,28,28", "--expect", spelling).code == 0


def test_a_scalar_may_be_expected(net: Path, program: Run) -> None:
    ran = program("check", "net.py", "-i", "2,1,28,28", "--expect", "()")
    assert "the output is 2 x 10, expected is a scalar" in ran.out


def program_macs(ran: Ran) -> int:
    """The MACs that a line of a good model tells."""
    return int(ran.out.rsplit(", ", 1)[1].split()[0].replace(",", ""))


def test_the_models_of_a_project(net: Path, program: Run) -> None:
    Path("pyproject.toml").write_text(CONFIG)
    ran = program("check")
    assert ran.code == 1
    first, second = ran.out.splitlines()
    assert first.startswith("net.py:Net: ok, gives 4 x 10")
    assert second == "lenet5: error[too-many-macs] 416,520 multiply-adds, at most 5"


def test_the_project_is_found_from_inside(
    net: Path, program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pyproject.toml").write_text(CONFIG.replace("max_macs = 5", ""))
    (net / "inside").mkdir()
    monkeypatch.chdir(net / "inside")
    ran = program("check")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("net.py:Net: ok")


def test_formats(net: Path, program: Run) -> None:
    data = json.loads(program("check", "net.py", "-i", "1,1,20,20", "--format", "json").out)
    assert data["models"][0]["ok"] is False
    sarif = json.loads(program("check", "net.py", "-i", "1,1,20,20", "--format", "sarif").out)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "linear-in-features"
    github = program("check", "net.py", "-i", "1,1,20,20", "--format", "github")
    assert github.code == 1
    assert github.out.startswith("::error file=net.py,line=14,")
    assert program("check", "lenet5", "--format", "github").out == ""
    assert program("check", "net.py", "-i", "1,1,20,20", "-o", "shapes.xml").code == 1
    suite = ElementTree.parse("shapes.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "there is no pyproject.toml that lists models to check"),
        (("--max-macs", "5"), "these options need a MODEL"),
        (("lenet6",), "did you mean lenet5"),
        (("lenet5", "--expect", "1,a"), "--expect 1,a: write sizes with commas"),
        (("lenet5", "--expect", "x"), "--expect x: write sizes with commas"),
        (("lenet5", "--expect", ""), "--expect '': write sizes with commas"),
        (("lenet5", "--expect", "1,,10"), "--expect 1,,10: write sizes with commas"),
        (("lenet5", "--format", "table"), "`--format table` is not known"),
    ],
)
def test_wrong_requests(args: tuple[str, ...], message: str, in_folder: Path, program: Run) -> None:
    ran = program("check", *args)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_a_project_without_models(in_folder: Path, program: Run) -> None:
    Path("pyproject.toml").write_text("[project]\nname = 'x'\n")
    ran = program("check")
    assert ran.code == 2
    assert "lists no models to check" in ran.err


def test_what_cannot_be_looked_at_leaves_the_others_checked(net: Path, program: Run) -> None:
    Path("pyproject.toml").write_text(
        "[[tool.shapescope.models]]\nmodel = 'gone.py:Net'\n"
        "[[tool.shapescope.models]]\nmodel = 'lenet5'\ninputs = ['1,1,32,32']\n"
        "[[tool.shapescope.models]]\nmodel = 'lenet5'\n"
    )
    ran = program("check")
    assert (ran.code, ran.out) == (2, "")
    assert "\nlenet5: ok, gives 1 x 10" in ran.err
    assert "gone.py" in ran.err
    assert "model 2 has an unknown key `inputs`; did you mean `input`?" in ran.err
    assert "Traceback" not in ran.err
    assert program("check", "--output", "found.txt").code == 2
    assert Path("found.txt").read_text().startswith("lenet5: ok, gives 1 x 10")


def test_sarif_places_what_is_wrong_with_the_whole_model(program: Run, net: Path) -> None:
    ran = program("check", "net.py", "--max-params", "10", "--format", "sarif")
    assert ran.code == 1
    (result,) = json.loads(ran.out)["runs"][0]["results"]
    assert result["ruleId"] == "too-many-params"
    line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert (net / "net.py").read_text().splitlines()[line - 1] == "class Net(nn.Module):"
    said = program("check", "net.py", "--max-params", "10", "--format", "github").out
    assert said.startswith(f"::error file=net.py,line={line},")
