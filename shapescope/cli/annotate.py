"""`shapescope annotate`: shape comments, written and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Inputs, Output, Train, choices, form_of
from shapescope.diagnostic import Diagnostic, Severity, ShapescopeError

if TYPE_CHECKING:
    from shapescope.analysis.comments.verdicts import Verdict
    from shapescope.capture.annotated import Watched
    from shapescope.capture.loading.loaded import LoadedModel

FORMATS = ("text", "json", "github")
_MARK = "\ufeff"
"""What some editors put in front of a UTF-8 file; it stays."""


def register(app: typer.Typer) -> None:
    """Add `annotate`."""
    app.command("annotate")(annotate)


def annotate(
    model: Annotated[
        str, typer.Argument(metavar="FILE[:CLASS]", show_default=False, help="A file of yours.")
    ],
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    check: Annotated[
        bool, typer.Option("--check", help="Check the comments there are; change nothing.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the comments into the file.")
    ] = False,
    train: Train = False,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="text or json, and with --check github; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
) -> int:
    """Write shape comments behind the lines of forward, or check those already there.

    Without --check or --write, the comments that would be written are printed as a diff. They take
    the spelling that the file uses already. Comments that are no shapes are left alone.

    Exit code 0: nothing is wrong, 1: a comment is wrong or the model fails, 2: a wrong request.

    Examples:
    shapescope annotate net.py --input 8,1,28,28
    shapescope annotate net.py:Net --input 8,1,28,28 --write
    shapescope annotate net.py --input 8,1,28,28 --check --format github
    """
    form = form_of(form, output, FORMATS)
    if check and write:
        raise ShapescopeError("--check and --write exclude each other", advice=("leave one out",))
    if form == "github" and not check:
        raise ShapescopeError(
            "--format github tells which comments are wrong", advice=("add --check",)
        )
    from shapescope.analysis.comments.verdicts import WRONG, judge
    from shapescope.cli.output import emit, show, stdout_surface
    from shapescope.render import comments as drawn

    loaded, file, source = _load(model, write=write)
    watched, found = _watch(loaded, file, source, tuple(inputs), train, batches=not check)
    trace = watched.observed.trace
    name = _display(file)
    verdicts = judge(source, name, watched.observed)
    failed = trace.failure is not None
    wrong = any(one.status == WRONG for one in verdicts)
    if check:
        if form == "json":
            emit(drawn.comments_json(loaded.name, trace, verdicts, None, found), output)
        elif form == "github":
            emit(drawn.github_lines(verdicts), output)
        else:
            surface = stdout_surface(output)
            show([*drawn.check_lines(verdicts, surface), *_told(found, surface)], output)
        return 1 if wrong or failed else 0
    from shapescope.analysis.comments.writing import Writer

    additions = Writer(source, name, watched.observed, watched.other, verdicts).additions()
    after = _edited(source, verdicts, additions, name)
    if write and after != source:
        _write(file, source, after)
    if form == "json":
        emit(drawn.comments_json(loaded.name, trace, verdicts, additions, found), output)
    else:
        from shapescope.render.line import Line

        surface = stdout_surface(output)
        told = [Line(), *_told(found, surface)] if found else []
        if write:
            show([Line(f"{name}: {drawn.summary(verdicts, additions)}"), *told], output)
        else:
            diff = [Line(text) for text in drawn.diff_text(name, source, after).splitlines()]
            show([*diff, *([] if diff else [Line("nothing to annotate")]), *told], output)
    return 1 if failed else 0


def _load(model: str, *, write: bool) -> tuple[LoadedModel, Path, str]:
    """The model, its file and the text of it.

    Raises:
        ShapescopeError: no file of the user's, or one that strict UTF-8 cannot read.
    """
    from shapescope.capture.loader import load

    loaded = load(model)
    if loaded.file is None:
        raise ShapescopeError(
            f"`{model}` is no file; name one: shapescope annotate net.py:Net --input 1,3,32,32"
        )
    if loaded.entry is not None and write:
        raise ShapescopeError(
            f"`{model}` is one of shapescope's own networks, which are not written to",
            advice=("copy its file and name the copy",),
        )
    try:
        source = loaded.file.read_bytes().decode("utf-8").removeprefix(_MARK)
    except UnicodeDecodeError:
        raise ShapescopeError(
            f"{_display(loaded.file)} is not UTF-8 throughout, so it is left alone",
            advice=("save it as UTF-8",),
        ) from None
    except OSError as error:
        raise ShapescopeError(f"cannot read {_display(loaded.file)}: {error.strerror}") from None
    return loaded, loaded.file, source


def _watch(
    loaded: LoadedModel,
    file: Path,
    source: str,
    inputs: tuple[str, ...],
    train: bool,
    *,
    batches: bool,
) -> tuple[Watched, tuple[Diagnostic, ...]]:
    """What a run showed, and what is wrong with the model where it failed."""
    from shapescope.capture.annotated import watch_lines
    from shapescope.capture.inferring.own_inputs import own_inputs
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.cli.output import say_notes
    from shapescope.session import trace_any

    specs = parse_inputs(inputs) or None
    given, notes = (loaded.fitted(specs), ()) if specs else own_inputs(loaded)
    say_notes((*loaded.notes, *notes))
    watched = watch_lines(loaded, file, source, given, train=train, batches=batches)
    if watched.observed.trace.failure is None:
        return watched, ()
    found = trace_any(loaded, given, train=train).diagnostics
    return watched, tuple(one for one in found if one.severity is Severity.ERROR)


def _edited(source: str, verdicts: tuple[Verdict, ...], additions: tuple, name: str) -> str:  # type: ignore[type-arg]
    """The new text, which is the same program.

    Raises:
        ShapescopeError: it would not be, so nothing is changed.
    """
    from shapescope.analysis.comments.writing import edited, only_comments_differ

    after = edited(source, verdicts, additions)
    if not only_comments_differ(source, after):
        raise ShapescopeError(f"{name} cannot be annotated without changing more than comments")
    return after


def _write(file: Path, before: str, after: str) -> None:
    """Write the file, unless it changed since it was read."""
    from shapescope.cli.output import write_bytes

    held = file.read_bytes()
    mark = _MARK if held.startswith(_MARK.encode()) else ""
    if held != (mark + before).encode("utf-8"):
        raise ShapescopeError(f"{_display(file)} changed meanwhile; nothing was written")
    write_bytes(Path(_display(file)), (mark + after).encode("utf-8"))


def _told(found: tuple[Diagnostic, ...], surface: object) -> list:  # type: ignore[type-arg]
    from shapescope.render.diagnostics import diagnostics_lines

    return diagnostics_lines(found, surface) if found else []  # type: ignore[arg-type]


def _display(file: Path) -> str:
    from shapescope.source_text import display_path

    return display_path(file)
