"""`shapescope check`: for CI, an exit code and a line per problem."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import chdir, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.completion import complete_model
from shapescope.cli.options import (
    MODEL_HELP,
    Inputs,
    Output,
    Train,
    Verbose,
    choices,
    form_of,
)
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.cli.config import CheckedModel, Listed
    from shapescope.cli.lock import Lock
    from shapescope.diagnostic import Diagnostic
    from shapescope.result import TraceResult

FORMATS = ("text", "json", "github", "sarif", "junit")


def register(app: typer.Typer) -> None:
    """Add `check`."""
    app.command("check")(check)


@dataclass(frozen=True, slots=True)
class Checked:
    """A model that was looked at, and what is wrong with it."""

    entry: CheckedModel
    result: TraceResult
    problems: tuple[Diagnostic, ...]

    @property
    def model(self) -> str:
        """The model as it was named."""
        return self.entry.model

    @property
    def failed(self) -> bool:
        """Whether something is wrong rather than worth knowing."""
        return any(str(problem.severity) == "error" for problem in self.problems)


def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            autocompletion=complete_model,
            help=f"{MODEL_HELP} Without it, the models that pyproject.toml lists.",
        ),
    ] = "",
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    outputs: Annotated[
        list[str],
        typer.Option(
            "--expect",
            metavar="SHAPE",
            show_default=False,
            help="An output: 1,10. Repeat.",
        ),
    ] = [],  # noqa: B006 - the parser makes a list of its own
    max_params: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, show_default=False, help="The most parameters."),
    ] = None,
    max_macs: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, show_default=False, help="The most multiply-adds."),
    ] = None,
    train: Train = False,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Record shapes, parameters and multiply-adds in shapescope.lock."
        ),
    ] = False,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="text, json, github, sarif or junit; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
    verbose: Verbose = False,
) -> int:
    """Check models for CI: an exit code, and one line per problem.

    Without a MODEL, the models listed in pyproject.toml are checked:

    [[tool.shapescope.models]] with the keys model, input, outputs, max_params, max_macs, train.

    What --update recorded in shapescope.lock is compared with, step by step.

    Exit code 0: no errors, 1: an error in a model, 2: a wrong request. Where one of the listed
    models cannot be looked at, the others still are: what is found there goes to stderr, or to
    --output.

    Examples:
    shapescope check net.py:Net --input 1,3,32,32 --expect 1,10
    shapescope check lenet5 --max-params 100000
    shapescope check --update
    shapescope check --format github
    shapescope check --format sarif --output shapes.sarif
    shapescope check --output shapes.xml
    """
    form = form_of(form, output, FORMATS)
    from shapescope.analysis.expectations import Expectations
    from shapescope.cli.config import CheckedModel
    from shapescope.cli.lock import Lock

    folder = Path.cwd()
    refused: list[ShapescopeError] = []
    if model:
        shapes = tuple(_shape(text) for text in outputs) or None
        expected = Expectations(shapes, max_params, max_macs)
        asked: tuple[CheckedModel, ...] = (CheckedModel(model, tuple(inputs), expected, train),)
    elif inputs or outputs or max_params is not None or max_macs is not None or train:
        raise ShapescopeError("these options need a MODEL", advice=("shapescope check --help",))
    else:
        folder, listed = _listed()
        asked, refused = listed.models, list(listed.problems)
    unread = bool(refused)
    lock = Lock(folder, listed=not model)
    done = []
    left = []
    with chdir(folder):  # what pyproject.toml names lies beside it
        for entry in asked:
            try:
                done.append(_look_at(entry, None if update else lock))
            except ShapescopeError as error:
                if model:
                    raise
                refused.append(_named(error, entry.model))
                left.append(entry)
    if unread and update:
        print("shapescope.lock: left as it is, for not every entry could be read", file=sys.stderr)
    elif update:
        _record(lock, done, left)
    _say(done, refused, form, output, verbose=verbose)
    if any(problem.exit_code == 2 for problem in refused):
        return 2
    return 1 if refused or any(one.failed for one in done) else 0


def _record(lock: Lock, done: Sequence[Checked], left: Sequence[CheckedModel]) -> None:
    """Keep what is sound; of all other models, what was recorded before."""
    for one in done:
        if not one.failed:
            lock.record(one.entry, one.result)
    kept = [*left, *(one.entry for one in done if one.failed)]
    print(lock.write(kept), file=sys.stderr)


def _say(
    done: list[Checked],
    refused: Sequence[ShapescopeError],
    form: str,
    output: Path | None,
    *,
    verbose: bool,
) -> None:
    """What was found; a request that cannot be met as a whole leaves stdout empty."""
    from shapescope.cli.output import emit, say_notes, show_error

    unmet = any(problem.exit_code == 2 for problem in refused)
    with redirect_stdout(sys.stderr) if unmet else nullcontext():
        for problem in refused:
            show_error(problem)
        for one in done:
            say_notes([f"{one.model}: {note}" for note in one.result.notes])
        if done or not refused:
            emit(_text(done, form, verbose=verbose), output)


def _named(error: ShapescopeError, model: str) -> ShapescopeError:
    """The error with the model it is about in front, where it does not name it."""
    problem = error.diagnostic
    if model.partition(":")[0] in problem.message or problem.rule != "request":
        return error
    told = replace(problem, message=f"{model}: {problem.message}")
    return type(error)(told, exit_code=error.exit_code)


def _shape(text: str) -> tuple[int, ...]:

    if text.strip() in ("()", "[]"):
        return ()  # a scalar
    sizes = re.split("[,x]", re.sub(r",?\s*[])]$", "", text.strip().lstrip("[(")))
    if not all(size.strip().isdecimal() for size in sizes):
        raise ShapescopeError(
            f"--expect {text or repr(text)}: write sizes with commas, as in --expect 1,10"
        )
    return tuple(map(int, sizes))


def _listed() -> tuple[Path, Listed]:
    """The models that the nearest pyproject.toml lists, and its folder."""
    from shapescope.cli.config import FILE, Listed, find_config, read_config

    file = find_config(Path.cwd())
    listed = read_config(file) if file is not None else Listed(())
    if file is not None and (listed.models or listed.problems):
        return file.parent, listed
    none = f"there is no {FILE} that lists models to check"
    raise ShapescopeError(
        none if file is None else f"{file} lists no models to check",
        advice=(
            "name one: shapescope check net.py:Net --input 1,3,32,32",
            "or list them: [[tool.shapescope.models]] in pyproject.toml",
        ),
    )


def _look_at(entry: CheckedModel, lock: Lock | None) -> Checked:
    from shapescope.analysis.expectations import problems
    from shapescope.session import Request, run_trace

    result = run_trace(Request(entry.model, entry.inputs, train=entry.train))
    found = problems(result, entry.expected)
    if lock is not None and result.trace.failure is None and result.trace.steps:
        found += lock.problems(entry, result)
    return Checked(entry, result, found)


def _text(done: list[Checked], form: str, *, verbose: bool) -> str:
    entries = [(one.model, one.result, one.problems) for one in done]
    if form == "json":
        from shapescope.render.checked import checked_to_json

        return checked_to_json(entries)
    if form == "junit":
        from shapescope.render.junit import junit_xml

        return junit_xml(entries)
    found = [(one.model, problem) for one in done for problem in one.problems]
    if form == "sarif":
        from shapescope.render.annotations import home_of, sarif_log
        from shapescope.render.json import to_json

        homes = [home_of(one.result, one.problems) for one in done for _ in one.problems]
        return to_json(sarif_log(found, homes))
    if form == "github":
        from shapescope.render.annotations import github_annotation, home_of

        placed = [(one, home_of(one.result, one.problems)) for one in done]
        return "".join(
            github_annotation(problem, one.model, home) + "\n"
            for one, home in placed
            for problem in one.problems
        )
    from shapescope.render.checked import checked_text

    return checked_text(entries, verbose=verbose)
