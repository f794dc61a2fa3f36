from __future__ import annotations

import re
from pathlib import Path

import pytest

from shapescope.analysis.expectations import Expectations
from shapescope.cli.config import CheckedModel, Listed, find_config, read_config
from shapescope.diagnostic import ShapescopeError


def write(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


def test_a_whole_entry(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '[[tool.shapescope.models]]\nmodel = "net.py:Net(10)"\ninput = ["1,3,32,32", "ids=1,5"]\n'
        "outputs = [[1, 10], []]\nmax_params = 100_000\nmax_macs = 5_000_000\ntrain = true\n"
        '[[tool.shapescope.models]]\nmodel = "lenet5"\ninput = "1,1,32,32"\n',
    )
    assert read_config(file) == Listed(
        (
            CheckedModel(
                "net.py:Net(10)",
                ("1,3,32,32", "ids=1,5"),
                Expectations(((1, 10), ()), 100_000, 5_000_000),
                train=True,
            ),
            CheckedModel("lenet5", ("1,1,32,32",)),
        )
    )


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[tool.shapescope]\n"])
def test_no_table_is_no_models(tmp_path: Path, text: str) -> None:
    assert read_config(write(tmp_path, text)) == Listed(())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[tool.shapescope.models]]\n", "model 1 has no `model`"),
        ("[[tool.shapescope.models]]\nmodel = 3\n", "model 1 has no `model`"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\nmax_mac = 1\n", "unknown key `max_mac`"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\ninput = [1]\n", "`input` is a list of texts"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\noutputs = [1]\n", "`outputs` is a list"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\noutputs = [[-1]]\n", "`outputs` is a list"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\nmax_macs = 1.5\n", "`max_macs` is a whole"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\nmax_params = true\n", "`max_params` is a"),
        ("[[tool.shapescope.models]]\nmodel = 'a'\ntrain = 1\n", "`train` is true or false"),
        ("[[tool.shapescope.model]]\nmodel = 'a'\n", "key `model`; did you mean `models`"),
        ("[tool.shapescope]\nx = 1\n", "unknown key `x`$"),
    ],
)
def test_what_is_wrong_is_named_and_the_others_stay(
    tmp_path: Path, text: str, message: str
) -> None:
    good = "[[tool.shapescope.models]]\nmodel = 'lenet5'\n"
    listed = read_config(write(tmp_path, text + good))
    assert listed.models == (CheckedModel("lenet5"),)
    (problem,) = listed.problems
    assert re.search(message, str(problem))
    assert problem.exit_code == 2
    assert "pyproject.toml" in str(problem)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.shapescope]\nmodels = 'a'\n", "is no list of tables"),
        ("[tool]\nshapescope = 3\n", "is no list of tables"),
        ("tool = 3\n", "`tool` is no table"),
        ("[[tool]]\nx = 1\n", "`tool` is no table"),
        ("[tool\n", "is no TOML"),
    ],
)
def test_what_holds_no_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ShapescopeError, match=message) as caught:
        read_config(write(tmp_path, text))
    assert caught.value.exit_code == 2
    assert "pyproject.toml" in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ShapescopeError, match="cannot read"):
        read_config(tmp_path / "gone.toml")
    (tmp_path / "latin.toml").write_bytes(b"x = '\xe9'")
    with pytest.raises(ShapescopeError, match="cannot read"):
        read_config(tmp_path / "latin.toml")


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    outer = write(tmp_path, "")
    assert find_config(inside) == outer
    nearer = write(tmp_path / "a", "")
    assert find_config(inside) == nearer
