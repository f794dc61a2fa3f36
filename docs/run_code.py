"""Run the code in README.md and docs/, and hold the output that is printed there to the real one.

A fenced block is run by its language:

- `console`: lines that begin with `$ ` are commands (`shapescope ...`, `cat FILE`), what follows
  is their output. A line `...` stands for any lines.
- `python`: run as a script of its own.

A comment above a block says more: `<!-- file: net.py -->` writes the block to that file instead of
running it, `<!-- exit: 1 -->` names the exit code to expect, `<!-- not run: reason -->` leaves a
block alone. The blocks of one page share a working folder.

Usage: python docs/run_code.py [--update] [PAGE ...]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import runpy
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(
    r"(?P<above>(?:<!--[^\n]*-->\n)?)```(?P<language>console|python)\n(?P<body>.*?)```\n", re.DOTALL
)
DIRECTIVE = re.compile(r"<!-- (file|exit|not run): (.*) -->")
COLUMNS = "100"


@dataclass
class Result:
    """What a child printed and how it ended."""

    code: int
    output: str


def in_child(action: Callable[[], object]) -> Result:
    """Run `action` in a fork of this process, which has torch loaded already."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.dup2(write, 1)
        os.dup2(write, 2)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), "utf-8")
        sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), "utf-8")
        code = 0
        try:
            action()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001  # whatever it is, the parent shall see it
            traceback.print_exc()
            code = 70
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        output = stream.read().decode()
    _, status = os.waitpid(pid, 0)
    return Result(os.waitstatus_to_exitcode(status), output)


def command(line: str) -> Result:
    """Run one documented command line."""
    words = shlex.split(line)
    variables = [word for word in words if re.match(r"[A-Z_]+=", word)]
    words = words[len(variables) :]

    def run() -> None:
        os.environ.update(dict(word.split("=", 1) for word in variables))
        if words[0] == "shapescope":
            sys.argv = words
            from shapescope.cli.app import main

            main()
        elif words[0] == "cat":
            sys.stdout.write("".join(Path(name).read_text("utf-8") for name in words[1:]))
        elif words[0] == "python":
            sys.argv = words[1:]
            runpy.run_path(words[1], run_name="__main__")
        elif words[0] == "pytest":
            import pytest

            sys.exit(pytest.main([*words[1:], "-p", "no:cacheprovider"]))
        else:
            known = "shapescope, python, pytest and cat"
            raise ValueError(f"documented commands are {known}, not {words[0]}")

    return in_child(run)


def matches(expected: str, actual: str) -> bool:
    """Whether the output is the documented one; a line `...` stands for any lines."""
    parts = [re.escape(part.strip("\n")) for part in re.split(r"(?m)^\.\.\.$", expected)]
    return re.fullmatch(r"\s*" + r"(?:.*)".join(parts) + r"\s*", actual, re.DOTALL) is not None


def tidy(output: str) -> str:
    """Output without trailing blanks, as it is printed in a page.

    Files of the checkout are named from its root, wherever it lies.
    """
    lines = output.replace(f"{ROOT}/", "").strip("\n").splitlines()
    return "\n".join(line.rstrip() for line in lines)


def console(body: str, expected_code: int, update: bool) -> tuple[str, list[str]]:
    """Run a console block: its text as it should be, and what was wrong."""
    problems, shown = [], []
    for chunk in re.split(r"(?m)^(?=\$ )", body):
        if not chunk.startswith("$ "):
            continue
        line, _, expected = chunk.partition("\n")
        result = command(line[2:])
        actual = tidy(result.output)
        if result.code != expected_code:
            problems.append(f"{line}\n  exit {result.code}, not {expected_code}\n{actual}")
        if (expected.strip() or update) and not matches(tidy(expected), actual):
            if update and "..." not in expected.splitlines():
                expected = actual + "\n"
            else:
                problems.append(f"{line}\n  prints\n{actual}\n  not\n{tidy(expected)}")
        shown.append(line + "\n" + expected)
    return "".join(shown), problems


def blocks(text: str, update: bool) -> Iterator[tuple[re.Match[str], str, list[str]]]:
    """Each block of a page, run: the match, its text as it should be, and what was wrong."""
    for match in FENCE.finditer(text):
        body = match["body"]
        found = DIRECTIVE.search(match["above"])
        kind, value = (found[1], found[2]) if found else ("", "")
        if kind == "not run":
            continue
        if kind == "file":
            Path(value).parent.mkdir(parents=True, exist_ok=True)
            Path(value).write_text(body, "utf-8")
            continue
        if match["language"] == "console":
            yield match, *console(body, int(value) if kind == "exit" else 0, update)
            continue
        Path("_block.py").write_text(body, "utf-8")
        result = in_child(lambda: runpy.run_path("_block.py", run_name="__main__"))
        yield match, body, [] if result.code == 0 else [body + "\n" + result.output]


def run_page(page: Path, update: bool) -> list[str]:
    """Run one page in a folder of its own; what was wrong."""
    text = page.read_text("utf-8")
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for match, body, wrong in blocks(text, update):
            problems += wrong
            if body != match["body"]:
                page_text = page.read_text("utf-8")
                page.write_text(page_text.replace(match["body"], body, 1), "utf-8")
    return problems


def main() -> int:
    """Run the pages named, all of them without any; 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--update", action="store_true", help="write the real output into the page")
    options = parser.parse_args()
    os.environ.update(COLUMNS=COLUMNS, NO_COLOR="1", PYTHONIOENCODING="utf-8")
    import torch

    torch.set_num_threads(1)
    pages = options.pages or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    failed = 0
    for page in (page.resolve() for page in pages):
        problems = run_page(page, options.update)
        failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {page.relative_to(ROOT)}")
        for problem in problems:
            print("    " + problem.replace("\n", "\n    "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
