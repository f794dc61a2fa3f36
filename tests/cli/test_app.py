from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol

import pytest
import typer

from shapescope import __version__
from shapescope.cli.app import _load
from shapescope.cli.catalog import COMMANDS, CommandEntry

ROOT = Path(__file__).parents[2]
Process = Callable[..., subprocess.CompletedProcess[str]]


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def test_help_needs_neither_torch_nor_rich(process: Process) -> None:
    script = textwrap.dedent(
        """
        import sys
        from shapescope.cli.app import run
        code = run(["--help"])
        heavy = {"torch", "rich", "numpy", "torchvision", "shapescope.trace"} & set(sys.modules)
        assert not heavy, heavy
        assert code == 0
        """
    )
    done = process("-c", script)
    assert done.returncode == 0, done.stderr
    assert "Usage: shapescope COMMAND" in done.stdout


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_help_of_each_command(entry: CommandEntry, process: Process) -> None:
    script = (
        "import sys; from shapescope.cli.app import run\n"
        f"code = run([{entry.name!r}, '--help'])\n"
        "assert 'torch' not in sys.modules and 'rich' not in sys.modules\n"
        "sys.exit(code)"
    )
    done = process("-c", script, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: shapescope {entry.name}")
    assert f"$ shapescope {entry.name}" in done.stdout  # examples
    assert max(map(len, done.stdout.split("Examples:")[0].splitlines())) <= 80


def test_examples_name_options_that_exist() -> None:
    for entry in COMMANDS:
        command = _load(entry.module)[entry.name]
        known = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
        lines = (command.help or "").partition("Examples:")[2].splitlines()
        examples = "\n".join(line for line in lines if line.strip().startswith("shapescope"))
        for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", examples):
            assert option in known | {"--help"}, (entry.name, option)


def test_the_overview_lists_every_command(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = program("--help")
    assert max(map(len, ran.out.splitlines())) <= 80
    for entry in COMMANDS:
        assert re.search(rf"^  {entry.name} +\S", ran.out, re.MULTILINE)


def test_no_arguments_show_the_help(program: Run) -> None:
    assert program().out == program("--help").out


def test_modules_register_what_the_catalog_says() -> None:
    for entry in COMMANDS:
        assert entry.name in _load(entry.module)
        part = typer.Typer()
        assert import_module(entry.module).register(part) is None


def test_the_hook_for_pre_commit_is_the_documented_one_and_runs(program: Run) -> None:
    manifest = ROOT / ".pre-commit-hooks.yaml"
    if not manifest.is_file():
        pytest.skip("only the repository offers hooks")
    pytest.importorskip("pre_commit.clientlib").load_manifest(manifest)  # raises if it is none
    parse = pytest.importorskip("yaml").safe_load
    page = (ROOT / "docs" / "commands" / "check.md").read_text()
    (block,) = re.findall(r"```yaml\n(- repo: local\n.*?)```", page, re.DOTALL)
    ((documented,),) = (entry["hooks"] for entry in parse(block))
    (offered,) = parse(manifest.read_text())
    assert offered.items() > documented.items()
    name, *words = shlex.split(documented["entry"])
    assert name == "shapescope"
    assert program(*words, "--help").out.startswith("Usage: shapescope check")


def test_version(program: Run, process: Process) -> None:
    assert program("--version").out == f"shapescope {__version__}\n"
    project = ROOT / "pyproject.toml"
    if project.is_file():
        assert f'version = "{__version__}"' in project.read_text()
    done = process("-m", "shapescope", "--version")
    assert done.stdout == f"shapescope {__version__}\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("trac",), "there is no command `trac`; did you mean `trace`?"),
        (("trace",), "missing argument 'MODEL'"),
        (("trace", "lenet5", "--dept", "2"), "no such option: --dept"),
        (("trace", "lenet5", "--depth", "x"), "invalid value for '--depth'"),
        (("--nothing",), "no such option: --nothing"),
    ],
)
def test_wrong_requests(args: tuple[str, ...], message: str, program: Run) -> None:
    ran = program(*args)
    assert ran.code == 2
    assert ran.out == ""
    first, second = ran.err.splitlines()
    assert first.startswith(f"error: {message}")
    assert second.startswith("help: shapescope")


def test_a_fault_of_ours_is_one_line_too(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("shapescope.session.run_trace", fail)
    ran = program("trace", "lenet5")
    assert ran.code == 2
    assert ran.err.startswith(
        "error: shapescope itself failed: ZeroDivisionError: ours\nhelp: SHAPESCOPE_DEBUG=1"
    )
    monkeypatch.setenv("SHAPESCOPE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        program("trace", "lenet5")


def test_debug_is_an_option_too(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPESCOPE_DEBUG", "0")
    with pytest.raises(Exception, match="there is no model called `lenet55`"):
        program("--debug", "trace", "lenet55")


def test_options_need_no_pydantic(process: Process, tmp_path: Path) -> None:
    script = (
        "import sys; from shapescope.cli.app import run\n"
        "code = run(['models', 'lenet'])\n"
        f"code |= run(['solve', '--in', '28', '--out', '14', '-o', '{tmp_path}/out.txt'])\n"
        "assert 'pydantic' not in sys.modules\n"
        "sys.exit(code)"
    )
    done = process("-c", script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("trace", "lenet5", "--depth", "x"), "'--depth': `x` is no whole number"),
        (("trace", "lenet5", "--depth", "1.5"), "'--depth': `1.5` is no whole number"),
        (("trace", "lenet5", "--depth", "0"), "'--depth': it has to be 1 or more"),
        (("report", "lenet5", "--port", "65536"), "'--port': it has to be 65535 or less"),
        (("train", "lenet5", "--lr", "fast"), "'--lr': `fast` is no number"),
        (("train", "lenet5", "--checkpoint-every", "nan"), "it has to be 0 or more"),
    ],
)
def test_numbers_are_checked(args: tuple[str, ...], said: str, program: Run) -> None:
    ran = program(*args)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: invalid value for '--")
    assert ran.err.splitlines() == [ran.err.splitlines()[0], f"help: shapescope {args[0]} --help"]
    assert ran.err.splitlines()[0].endswith(said)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (
            ("trace", "net.py", "--input", "1", "3", "32", "32"),
            (
                "error: got unexpected extra argument(s) (3 32 32)\n"
                "help: sizes are written with commas: --input 1,3,32,32\n"
                "help: shapescope trace --help\n"
            ),
        ),
        (
            ("explain", "add-shape", "3"),
            "error: got unexpected extra argument(s) (3)\nhelp: shapescope explain --help\n",
        ),
        (
            ("trace", "net.py", "--input"),
            "error: option '--input' requires an argument\nhelp: shapescope trace --help\n",
        ),
    ],
)
def test_help_for_words_too_many_or_too_few(args: tuple[str, ...], told: str, program: Run) -> None:
    ran = program(*args)
    assert (ran.code, ran.out, ran.err) == (2, "", told)


def test_numbers_may_be_grouped(program: Run) -> None:
    assert program("check", "lenet5", "--max-params", "61_750").code == 0
    assert program("check", "lenet5", "--max-params", "61_749").code == 1


def test_an_interrupt_ends_with_130(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(request: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shapescope.session.run_trace", interrupt)
    ran = program("trace", "lenet5")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


@pytest.mark.parametrize(
    ("command", "code"),
    [("trace lenet5 --format json", 0), ("trace lenet5 -i 1,1,28,28", 1), ("--help", 0)],
)
def test_a_closed_pipe_ends_quietly(command: str, code: int) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m shapescope {command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=False, cwd=root,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == f"{code}\n"
