"""`shapescope diff`: two models, two inputs, or two versions of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.completion import complete_model
from shapescope.cli.options import Inputs, Output, Train, choices, form_of
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel
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
            help="A model, or git:REV: the files of the other one as they are at that revision.",
        ),
    ],
    after: Annotated[
        str,
        typer.Argument(
            metavar="B",
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
            help="table, markdown or json; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
) -> int:
    """Compare two models step by step: shapes, settings, parameters, multiply-adds.

    Of git:REV, the file and the files of yours that it imports are read as they are there.

    Exit code 0: no difference, 1: they differ, 2: a wrong request.

    Examples:
    shapescope diff lenet5 lenet5-tanh
    shapescope diff git:HEAD~1 net.py:Net
    shapescope diff lenet5 --input 1,1,32,32 --input-b 1,1,36,36
    shapescope diff git:main net.py --format markdown
    """
    form = form_of(form, output, FORMATS)
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
    from shapescope.capture.inferring.own_inputs import own_inputs
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.capture.loader import load
    from shapescope.capture.tracer import trace_model
    from shapescope.cli.output import say_notes

    loaded = _at_revision(spec.removeprefix(GIT), other) if spec.startswith(GIT) else load(spec)
    specs = parse_inputs(inputs) or None
    given, notes = (loaded.fitted(specs), ()) if specs else own_inputs(loaded)
    say_notes([f"{spec}: {note}" for note in (*loaded.notes, *notes)])
    return trace_model(loaded, given, train=train).trace


def _at_revision(revision: str, other: str) -> LoadedModel:
    from shapescope.capture.loader import load
    from shapescope.cli.revision import texts_at

    if not revision or other.startswith(GIT):
        raise ShapescopeError(
            "git:REV stands for the file of the other model",
            advice=("shapescope diff git:HEAD~1 net.py:Net",),
        )
    now = load(other)
    if now.file is None:
        raise ShapescopeError(f"`{other}` is no file of yours, so it has no revisions")
    return load(other, overrides=texts_at(revision, now.file))
