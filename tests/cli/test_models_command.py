from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from shapescope.capture.loading.zoo_names import torchvision_names
from shapescope.cli.completion import complete_model, python_files
from shapescope.networks.registry import NETWORKS


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def test_the_networks_with_their_aliases(program: Run) -> None:
    out = program("models").out
    for entry in NETWORKS:
        line = next(line for line in out.splitlines()[1:] if line.startswith(entry.name + " "))
        assert all(alias in line for alias in entry.aliases)
        assert entry.summary in line
    assert "torchvision:resnet18" in out


def test_a_place(program: Run) -> None:
    import torchvision

    out = program("models", "torchvision").out
    assert out.splitlines() == [
        f"torchvision:{name}" for name in sorted(torchvision.models.list_models())
    ]


def test_a_part_of_a_name_and_a_pattern(program: Run) -> None:
    names = program("models", "torchvision:resnet1").out.splitlines()
    assert {"torchvision:resnet18", "torchvision:fcn_resnet101"} <= set(names)
    assert all("resnet1" in name for name in names)
    lines = program("models", "torchvision:vgg1?").out.splitlines()
    assert lines == [f"torchvision:vgg{depth}" for depth in (11, 13, 16, 19)]
    both = program("models", "lenet").out
    assert "lenet5-tanh" in both
    assert "torchvision:googlenet" in both


def test_json(program: Run) -> None:
    data = json.loads(program("models", "cifar", "--format", "json").out)
    assert data["networks"][0]["name"] == "cifar-cnn"
    assert data["networks"][0]["input"] == [1, 3, 32, 32]


def test_nothing_fits(program: Run) -> None:
    ran = program("models", "zzzz")
    assert (ran.code, ran.out) == (2, "")
    assert "no model's name fits `zzzz`" in ran.err


def test_what_is_not_installed(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapescope.cli.zoos.find_spec", lambda name: None)
    ran = program("models", "timm")
    assert ran.code == 2
    assert ran.err == "error: timm is not installed\nhelp: pip install 'shapescope[timm]'\n"
    assert program("models", "hf").code == 2


def test_torchvisions_names_without_importing_it(
    process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    import torchvision

    assert torchvision_names() == sorted(torchvision.models.list_models())
    script = (
        "import sys; from shapescope.capture.loading.zoo_names import torchvision_names\n"
        "assert torchvision_names() and not {'torch', 'torchvision'} & set(sys.modules)"
    )
    assert process("-c", script).returncode == 0


def test_completion_of_a_model(net: Path) -> None:
    (net / "sub").mkdir()
    (net / "sub" / "deep.py").write_text("")
    (net / ".hidden.py").write_text("")
    assert complete_model("lenet5") == ["lenet5", "lenet5-bn", "lenet5-tanh"]
    assert complete_model("ne") == ["network", "net.py"]
    assert complete_model("sub/") == ["sub/deep.py"]
    assert complete_model("torchvision:resnet1") == [
        "torchvision:resnet101", "torchvision:resnet152", "torchvision:resnet18",
    ]  # fmt: skip
    assert python_files("gone/") == []
    assert not any("hidden" in name for name in complete_model(""))


def test_the_shell_is_answered_without_torch(
    process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "sys.argv = ['shapescope']\n"
        "from shapescope.cli.app import main; main()"
    )
    done = process(
        "-c", script, _SHAPESCOPE_COMPLETE="complete_bash",
        COMP_WORDS="shapescope trace lenet5-t", COMP_CWORD="2",
    )  # fmt: skip
    assert done.stdout.split() == ["lenet5-tanh", "False"]


def test_rules_are_explained(program: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shapescope.cli.explain.rules_folder", lambda: tmp_path)
    assert program("explain").out == "no rule has a page\n"
    (tmp_path / "some-rule.md").write_text("# some-rule\nwhat it means\n")
    (tmp_path / "index.md").write_text("all rules\n")
    assert program("explain").out == "some-rule  what it means\n"
    assert program("explain", "some-rule").out == "# some-rule\nwhat it means\n"
    assert program("explain", "error[some-rule]").code == 0
    partly = program("explain", "rule")
    assert partly.err.startswith("error: no rule is called `rule`; did you mean `some-rule`?")
    wrong = program("explain", "same-rule")
    assert wrong.code == 2
    assert wrong.err.startswith("error: no rule is called `same-rule`; did you mean `some-rule`?")
