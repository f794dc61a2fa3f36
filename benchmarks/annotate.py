"""`shapescope annotate` there and back: written, checked, and each number changed by hand.

Every file is copied, `annotate --write` writes its comments, and then it is looked whether the
copy compiles, differs in comments only, is found clean by `--check` and is left as it is by a
second run. Then each number of each comment in turn is changed, and the check must find it: at
its line, and nothing else. Comments change nothing in a run, so one run is looked at for all the
changes of a file; the first of them is also checked by the command, and all with `--commands`.

    python benchmarks/annotate.py                        # the cases, the examples, the networks
    python benchmarks/annotate.py --only yolo --show     # some of them, with what was missed
    python benchmarks/annotate.py my_net.py:Net --input 8,3,32,32
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import sys
import tempfile
import time
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from case_folder import read_cases  # type: ignore[import-not-found,unused-ignore]

from shapescope.analysis.comments.verdicts import WRONG, judge
from shapescope.capture.annotated import watch_lines
from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.cli.app import run
from shapescope.networks.registry import NETWORKS
from shapescope.source_text import display_path

Judge: TypeAlias = Callable[[str], list[tuple[int, str]]]

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT.parent / "shared" / "cases" / "bugs"
EXAMPLES = (
    ("trace_from_python.py:Residual(16)", "8,16,32,32"),
    ("trace_from_python.py:model", "8,3,64,64"),
    ("find_a_bug.py:model", "4,1,28,28"),
)


@dataclass(frozen=True)
class Subject:
    """A file, which model in it, and how that is run."""

    file: Path
    model: str
    inputs: tuple[str, ...]
    train: bool = False


@dataclass
class Outcome:
    """What became of one subject; `comments` counts shapes, kept ones and written ones alike."""

    comments: int = 0
    added: int = 0
    changes: int = 0
    found: int = 0
    problems: list[str] = field(default_factory=list)


def subjects(cases: Path, words: Sequence[str] = ()) -> Iterator[Subject]:
    """The mended case files, the examples and the document networks."""
    for case in read_cases(cases, words):
        file, _, model = case.fixed_spec.partition(":")
        yield Subject(case.folder / file, model, tuple(case.input_texts()), case.train)
    for spec, shape in EXAMPLES:
        file, _, model = spec.partition(":")
        if not words or any(word in spec for word in words):
            yield Subject(ROOT / "examples" / file, model, (shape,))
    for entry in NETWORKS:
        if not words or any(word in entry.name for word in words):
            module, _, model = entry.factory.partition(":")
            shape = ",".join(map(str, (4, *entry.input_shape[1:])))
            yield Subject(ROOT / f"{module.replace('.', '/')}.py", model, (shape,))


def annotate(file: Path, subject: Subject, *options: str) -> tuple[int, str, str]:
    """Run the command: exit code, stdout, stderr."""
    words = ["annotate", f"{file}:{subject.model}" if subject.model else str(file)]
    for text in subject.inputs:
        words += ["--input", text]
    words += ["--train"] if subject.train else []
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*words, *options])
    return code, out.getvalue(), err.getvalue()


def checked(file: Path, subject: Subject) -> list[dict[str, Any]]:
    """Every shape in the file as `--check` judges it."""
    code, out, err = annotate(file, subject, "--check", "--format", "json")
    if code not in (0, 1):
        raise AssertionError(f"exit code {code}: {err}")
    comments: list[dict[str, Any]] = json.loads(out)["comments"]
    return comments


def judged(file: Path, subject: Subject) -> Judge:
    """What finds the wrong shapes of other texts of the file, from one run of it."""
    loaded = load(f"{file}:{subject.model}" if subject.model else str(file))
    inputs = loaded.fitted(parse_inputs(subject.inputs))
    source = file.read_bytes().decode().removeprefix("\ufeff")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        watched = watch_lines(loaded, file, source, inputs, train=subject.train, batches=False)

    def wrong(text: str) -> list[tuple[int, str]]:
        verdicts = judge(text.removeprefix("\ufeff"), display_path(file), watched.observed)
        return [(one.span.line, one.text) for one in verdicts if one.status == WRONG]

    return wrong


def code_of(data: bytes) -> list[tuple[int, str]]:
    """The tokens of a program without its comments and blank lines."""
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING)
    read = tokenize.tokenize(io.BytesIO(data).readline)
    return [(token.type, token.string) for token in read if token.type not in skipped]


def changed_texts(text: str, chance: random.Random) -> Iterator[str]:
    """A shape with one number changed, for each of its numbers."""
    for number in re.finditer(r"(?<![A-Za-z_])\d+", text):
        value = int(number[0])
        others = {value + 1, value - 1, 2 * value, value // 2, value + 10, chance.randint(2, 999)}
        other = chance.choice(sorted(others - {value, 0, -1}))
        yield text[: number.start()] + str(other) + text[number.end() :]


def there_and_back(
    subject: Subject, folder: Path, chance: random.Random, *, commands: bool = False
) -> Outcome:
    """Annotate a copy of the subject in `folder` and change each number once."""
    outcome = Outcome()
    before = subject.file.read_bytes()
    file = folder / subject.file.name
    file.write_bytes(before)
    code, said, err = annotate(file, subject, "--write", "--format", "json")
    if code not in (0, 1):
        outcome.problems.append(f"--write ends with {code}: {err.strip()}")
        return outcome
    outcome.added = json.loads(said)["totals"]["added"]
    written = file.read_bytes()
    compile(written, str(file), "exec")
    if code_of(written) != code_of(before):
        outcome.problems.append("more than comments changed")
    shapes = checked(file, subject)
    outcome.comments = len(shapes)
    outcome.problems += [
        f"line {one['line']}: {one['text']} is {one['status']}: {one['why']}"
        for one in shapes
        if one["status"] != "right"
    ]
    annotate(file, subject, "--write")
    if file.read_bytes() != written:
        outcome.problems.append("a second run changes the file again")
    wrong_in = judged(file, subject)
    for line, before_it, text in changed_files(written.decode(), shapes, chance):
        by_command = commands or not outcome.changes
        outcome.changes += 1
        hits = wrong_in(text)
        if by_command:
            file.write_bytes(text.encode())
            found = [one for one in checked(file, subject) if one["status"] == "wrong"]
            if [(one["line"], one["text"]) for one in found] != hits:
                outcome.problems.append(f"line {line}: the command finds {found}, not {hits}")
        if any(at == line for at, _ in hits):
            outcome.found += 1
        else:
            outcome.problems.append(f"line {line}: a change of {before_it} is not found")
        outcome.problems += [
            f"line {line}: a change of {before_it} also blames line {at}: {said}"
            for at, said in hits
            if at != line
        ]
    return outcome


def changed_files(
    written: str, shapes: Sequence[dict[str, Any]], chance: random.Random
) -> Iterator[tuple[int, str, str]]:
    """The line of a change, the shape before it and the file after it, for each number."""
    lines = written.splitlines(keepends=True)
    for one in shapes:
        if one["status"] != "right":
            continue
        line, start, end = one["line"], one["column"] - 1, one["end_column"] - 1
        text = lines[line - 1]
        for wrong in changed_texts(text[start:end], chance):
            other = text[:start] + wrong + text[end:]
            yield line, text[start:end], "".join([*lines[: line - 1], other, *lines[line:]])


def measure(chosen: Sequence[Subject], seed: int, *, show: bool, commands: bool) -> list[Outcome]:
    """The outcome for each subject; what is wrong with one is printed at once if asked for."""
    outcomes = []
    here = Path.cwd()
    for subject in chosen:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                outcome = there_and_back(
                    subject, Path(folder), random.Random(seed), commands=commands
                )
            finally:
                os.chdir(here)
        outcomes.append(outcome)
        if show:
            name = f"{subject.file.parent.name}/{subject.file.name}:{subject.model}"
            print(f"{name}: {outcome.comments} shapes, {outcome.found}/{outcome.changes} found")
            for problem in outcome.problems:
                print(f"    {problem}")
            sys.stdout.flush()
    return outcomes


def main() -> int:
    """Print the figures; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", help="FILE:CLASS; without it, all that is there")
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="a line for each file")
    parser.add_argument("--commands", action="store_true", help="check each change by the command")
    given = parser.parse_args()
    if given.model:
        file, _, model = given.model.partition(":")
        chosen = [Subject(Path(file).resolve(), model, tuple(given.input), given.train)]
    else:
        chosen = list(subjects(given.cases, given.only))
    started = time.perf_counter()
    outcomes = measure(chosen, given.seed, show=given.show, commands=given.commands)
    seconds = time.perf_counter() - started
    added = sum(one.added for one in outcomes)
    changes = sum(one.changes for one in outcomes)
    found = sum(one.found for one in outcomes)
    other = sum(len(one.problems) for one in outcomes) - (changes - found)
    print(
        f"{len(outcomes)} files, {sum(one.comments for one in outcomes)} shapes, {added} of them "
        f"written; {changes} numbers changed, {found} found, {changes - found} missed; "
        f"{other} other problems; {seconds:.0f} s"
    )
    return 1 if changes != found or other else 0


if __name__ == "__main__":
    sys.exit(main())
