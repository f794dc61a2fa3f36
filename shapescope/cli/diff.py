"""`shapescope diff`: two models, two inputs, or two versions of one file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.completion import complete_model
from shapescope.cli.options import Inputs, Output, Train, choices, one_of
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.capture.loader import LoadedModel
    from shapescope.trace import Trace

FORMATS = ("table", "markdown", "json")
GIT = "git:"


def register(app: typer.Typer) -> None:
    """Add `diff`."""
    app.command("diff")(diff)


def diff(
    before: Annotated[
        str,
        typer.Argument(
            metavar="A",
            show_default=False,
            autocompletion=complete_model,
            help="A model, or git:REV: the file of the other one as it is at that revision.",
        ),
    ],
    after: Annotated[
        str,
        typer.Argument(
            metavar="[B]",
            show_default=False,
            autocompletion=complete_model,
            help="The model to compare with; left out, A itself with --input-b.",
        ),
    ] = "",
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    inputs_b: Annotated[
        list[str],
        typer.Option(
            "--input-b",
            metavar="SHAPE",
            show_default=False,
            help="An input of B, where it is another than A's. Repeat for several.",
        ),
    ] = [],  # noqa: B006 - the parser makes a list of its own
    train: Train = False,
    every: Annotated[bool, typer.Option("--all", help="Also show the steps that are alike.")] = (
        False
    ),
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="table, markdown or json.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "table",
    output: Output = None,
) -> int:
    """Compare two models step by step: shapes, settings, parameters, multiply-adds.

    Of git:REV, the file itself is read at that revision; what it imports is as it is now.

    Exit code 0: no difference, 1: they differ, 2: a wrong request.

    Examples:
    shapescope diff lenet5 lenet5-tanh --input 1,1,32,32
    shapescope diff git:HEAD~1 net.py:Net
    shapescope diff lenet5 --input 1,1,32,32 --input-b 1,1,36,36
    shapescope diff git:main net.py --format markdown
    """
    one_of("--format", form, FORMATS)
    if not after and not inputs_b:
        raise ShapescopeError(
            "nothing to compare with",
            advice=("shapescope diff A B", "shapescope diff A --input SHAPE --input-b SHAPE"),
        )
    after = after or before
    from shapescope.analysis.diff import diff_traces

    first = _traced(before, after, tuple(inputs), train)
    second = _traced(after, before, tuple(inputs_b or inputs), train)
    found = diff_traces(first, second)
    names = (_name(before, inputs), _name(after, inputs_b or inputs))
    from shapescope.cli.output import emit, show, stdout_surface
    from shapescope.render import diff as drawn

    if form == "json":
        emit(drawn.diff_json(found, names), output)
    elif form == "markdown":
        emit(drawn.diff_markdown(found, names), output)
    else:
        show(drawn.diff_lines(found, names, stdout_surface(output), every=every), output)
    return 0 if found.same else 1


def _name(spec: str, inputs: list[str]) -> str:
    return " ".join((spec, *inputs))


def _traced(spec: str, other: str, inputs: tuple[str, ...], train: bool) -> Trace:
    """The trace of one side.

    Raises:
        ShapescopeError: it cannot be loaded or built.
    """
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.capture.loader import load
    from shapescope.capture.own_inputs import own_inputs
    from shapescope.capture.tracer import trace_model

    loaded = _at_revision(spec.removeprefix(GIT), other) if spec.startswith(GIT) else load(spec)
    specs = parse_inputs(inputs) or None
    given = loaded.fitted(specs) if specs else own_inputs(loaded)[0]
    return trace_model(loaded, given, train=train).trace


def _at_revision(revision: str, other: str) -> LoadedModel:
    from shapescope.capture.loader import load

    if not revision or other.startswith(GIT):
        raise ShapescopeError(
            "git:REV stands for the file of the other model",
            advice=("shapescope diff git:HEAD~1 net.py:Net",),
        )
    now = load(other)
    if now.file is None:
        raise ShapescopeError(f"`{other}` is no file of yours, so it has no revisions")
    return load(other, overrides={now.file: _git_show(revision, now.file)})


def _git_show(revision: str, file: Path) -> str:
    """The text of a file as it is at a revision.

    Raises:
        ShapescopeError: there is no git, no repository, no such revision or no such file in it.
    """
    # A revision that begins with a dash would be read as an option.
    command = ["git", "show", "--end-of-options", f"{revision}:./{file.name}"]
    try:
        done = subprocess.run(command, cwd=file.parent, capture_output=True, check=False)
    except FileNotFoundError:
        raise ShapescopeError("git is not installed, so there are no revisions") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ") if said else f"exit code {done.returncode}"
        raise ShapescopeError(f"git has no {file.name} at {revision}: {reason}")
    try:
        return done.stdout.decode("utf-8")
    except UnicodeDecodeError:
        raise ShapescopeError(f"{file.name} at {revision} is not UTF-8") from None
