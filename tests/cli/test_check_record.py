from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from shapescope.analysis.records import Record, StepRecord
from shapescope.cli.lockfile import LOCK, read_lock
from shapescope.diagnostic import ShapescopeError
from shapescope.render.lockfile import lock_text


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]

MODEL = ("net.py", "--input", "1,1,28,28")
LISTED = """\
[[tool.shapescope.models]]
model = "net.py:Net"
input = ["1,1,28,28"]
"""


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_what_is_recorded_is_compared(net: Path, program: Run) -> None:
    assert program("check", *MODEL, "--update").err.splitlines()[-1] == f"{LOCK}: 1 new"
    assert program("check", *MODEL).code == 0
    _edit(net / "net.py", "nn.Linear(6 * 12 * 12, classes)", "nn.Linear(6 * 12 * 12, 12)")
    ran = program("check", *MODEL)
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "net.py: error[changed-output] the output is 1 x 12, recorded is 1 x 10",
        "net.py: error[changed-params] 10,536 parameters, recorded are 8,806 (+1,730)",
        "net.py: error[changed-macs] 96,768 multiply-adds, recorded are 95,040 (+1,728)",
        (
            "net.py:14:16: error[changed-step] `fc` (linear) gives 1 x 12, recorded is 1 x 10; "
            "it has 10,380 parameters, recorded are 8,650; it takes 10,368 multiply-adds, recorded "
            "are 8,640"
        ),
    ]
    annotated = program("check", *MODEL, "--format", "github").out.splitlines()
    assert annotated[-1].startswith("::error file=net.py,line=14,")
    # What is wrong as a whole is shown where it began: GitHub shows nothing without a line.
    places = [line.partition(",title")[0] for line in annotated[:3]]
    assert places == ["::error file=net.py,line=14"] * 3
    assert program("check", *MODEL, "--update").err.splitlines()[-1] == f"{LOCK}: 1 changed"
    assert program("check", *MODEL).code == 0


def test_an_update_without_a_change_writes_nothing(net: Path, program: Run) -> None:
    program("check", *MODEL, "--update")
    before = (net / LOCK).stat().st_ino
    assert program("check", *MODEL, "--update").err.splitlines()[-1] == f"{LOCK}: nothing changed"
    assert (net / LOCK).stat().st_ino == before


def test_a_bound_that_is_not_kept_is_shown_at_the_class(net: Path, program: Run) -> None:
    (line,) = program("check", *MODEL, "--max-params", "10", "--format", "github").out.splitlines()
    wanted = (net / "net.py").read_text().splitlines().index("class Net(nn.Module):") + 1
    assert line == (
        f"::error file=net.py,line={wanted},title=shapescope too-many-params::"
        "net.py: 8,806 parameters, at most 10"
    )


def test_layers_put_into_the_middle_are_told_once(net: Path, program: Run) -> None:
    stack = "nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU())"
    (net / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        f"        self.body = {stack}\n"
        "    def forward(self, x):\n"
        "        return self.body(x)\n"
    )
    program("check", *MODEL, "--update")
    _edit(net / "net.py", "nn.ReLU(), nn.Conv2d(4", "nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Conv2d(4")
    lines = program("check", *MODEL).out.splitlines()
    assert [line.partition(" ")[2] for line in lines if "changed-step" in line] == [
        "error[changed-step] `body.2` (conv2d) is new, it gives 1 x 4 x 26 x 26",
        "error[changed-step] `body.3` (conv2d) is recorded as `body.2` (conv2d)",
        "error[changed-step] `body.4` (relu) is recorded as `body.3` (relu)",
    ]


def test_a_broken_model_keeps_its_record(net: Path, program: Run) -> None:
    program("check", *MODEL, "--update")
    before = (net / LOCK).read_text()
    _edit(net / "net.py", "6 * 12 * 12", "6 * 11 * 11")
    assert program("check", *MODEL, "--update").code == 1
    assert (net / LOCK).read_text() == before


def test_other_models_keep_their_records(net: Path, program: Run) -> None:
    program("check", *MODEL, "--update")
    program("check", "lenet5", "--update")
    assert [key[0] for key in read_lock(net / LOCK)] == ["lenet5", "net.py"]
    assert program("check", *MODEL).code == program("check", "lenet5").code == 0


def test_the_list_of_the_project_decides(net: Path, program: Run) -> None:
    program("check", "lenet5", "--update")
    (net / "pyproject.toml").write_text(LISTED)
    ran = program("check")
    assert ran.code == 1
    assert ran.out.endswith(
        "error[not-recorded] it is not in shapescope.lock: shapescope check --update records it\n"
    )
    assert program("check", "--update").err.splitlines()[-1] == f"{LOCK}: 1 new, 1 dropped"
    assert program("check").code == 0


BOTH = f"{LISTED}[[tool.shapescope.models]]\nmodel = 'lenet5'\n"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", "from torch", "import nothing_here\nfrom torch"),
        ("pyproject.toml", "input =", "inputt ="),
        ("pyproject.toml", 'input = ["', 'input = [3, "'),
    ],
)
def test_what_cannot_be_looked_at_keeps_its_record(
    file: str, old: str, new: str, net: Path, program: Run
) -> None:
    (net / "pyproject.toml").write_text(BOTH)
    assert program("check", "--update").err.splitlines()[-1] == f"{LOCK}: 2 new"
    before = (net / LOCK).read_text()
    _edit(net / file, old, new)
    assert program("check", "--update").code == 2
    assert (net / LOCK).read_text() == before


def test_an_unreadable_list_leaves_even_changed_records(net: Path, program: Run) -> None:
    (net / "pyproject.toml").write_text(BOTH)
    program("check", "--update")
    before = (net / LOCK).read_text()
    _edit(net / "net.py", "classes=10", "classes=12")
    _edit(net / "pyproject.toml", "model = 'lenet5'", "modell = 'lenet5'")
    ran = program("check", "--update")
    assert f"{LOCK}: left as it is, for not every entry could be read\n" in ran.err
    assert (net / LOCK).read_text() == before


def test_a_record_is_no_list_of_models(net: Path, program: Run) -> None:
    program("check", *MODEL, "--update")
    for words in (("check",), ("check", "--update")):
        ran = program(*words)
        assert (ran.code, ran.out) == (2, "")
        assert "there is no pyproject.toml that lists models to check" in ran.err


def test_other_inputs_are_another_entry(net: Path, program: Run) -> None:
    program("check", *MODEL, "--update")
    assert program("check", "net.py", "--input", "2,1,28,28").code == 0


def test_steps_that_came_and_went(net: Path, program: Run) -> None:
    program("check", *MODEL, "--update")
    _edit(net / "net.py", "F.relu(self.conv(x))", "self.conv(x).tanh()")
    said = program("check", *MODEL).out
    assert "error[changed-step] `relu` is gone, it gave 1 x 6 x 24 x 24" in said
    assert "error[changed-step] `tanh` is new, it gives 1 x 6 x 24 x 24" in said


def test_many_changed_steps_are_counted(program: Run, in_folder: Path) -> None:
    source = "from torch import nn\nnet = nn.Sequential(*[nn.Conv2d(3, 3, 3) for _ in range(20)])\n"
    (in_folder / "net.py").write_text(source)
    model = ("net.py:net", "--input", "1,3,64,64")
    program("check", *model, "--update")
    (in_folder / "net.py").write_text(source.replace("3, 3, 3", "3, 3, 1"))
    lines = program("check", *model).out.splitlines()
    assert sum("[changed-step]" in line for line in lines) == 6
    assert lines[-1].endswith("error[changed-step] 15 more steps differ from the record")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    odd = 'a "quoted"\\ name\t\x7f\u2028é'
    steps = (
        StepRecord("a.b", "conv2d", ((1, 2), ()), 1234567, 3),
        StepRecord("", "split", (), 0, None),
    )
    record = Record((((1, 3), "int64"),), (((), "float32"),), 10**6, 0, steps)
    records = {(odd, ("1,3:int64", "x=2"), True): record, ("b", (), False): record}
    file = tmp_path / LOCK
    file.write_text(lock_text(records), encoding="utf-8")
    assert read_lock(file) == records
    assert lock_text(dict(reversed(records.items()))) == lock_text(records)


@pytest.mark.parametrize(
    "text", ["version = 2\n", "<<<<<<< HEAD\n", 'version = 1\n[[models]]\nmodel = "x"\n', ""]
)
def test_a_damaged_record_is_a_wrong_request(text: str, tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(ShapescopeError, match=r"cannot read .*shapescope\.lock"):
        read_lock(tmp_path / LOCK)
