"""`shapescope report`: one page about a model, and about a run of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Inputs, ModelName, Train, file_of
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.render.report import RunView
    from shapescope.result import TraceResult
    from shapescope.session import Request


def register(app: typer.Typer) -> None:
    """Add `report`."""
    app.command("report")(report)


def report(
    model: ModelName,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            callback=file_of,
            help="Write the page to FILE; into a pipe if left out.",
        ),
    ] = None,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", show_default=False, help="Also show this run: its folder."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="Where the images of RUN are now."),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Use the shipped sample of the images of RUN.")
    ] = False,
    train: Train = False,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Show the page on this machine, anew at every save."),
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Of --serve; 0 takes a free one.")
    ] = 8000,
) -> int:
    """Write one interactive page: drawing, steps, formulas, diagnostics, a run.

    The page is a single file that loads nothing: it can be sent by mail and opened years later.
    With --serve it is shown on 127.0.0.1 and follows every save of the model's file.

    Exit code 0: written, 1: the model fails (the page says where and why), 2: a wrong request.

    Examples:
    shapescope report lenet5 -o report.html
    shapescope report net.py:Net --input 1,3,64,64 -o report.html
    shapescope report lenet5 --run runs/lenet5 -o report.html
    shapescope report net.py --serve
    """
    if run is None and (sample or data_dir is not None):
        option = "--sample" if sample else "--data-dir"
        raise ShapescopeError(f"`{option}` needs `--run` with it")
    if serve and output is not None:
        raise ShapescopeError("`--serve` shows the page, `-o` writes it: give one of the two")
    if not serve and output is None and sys.stdout.isatty():
        raise ShapescopeError(
            "the page is a long file, not for a terminal",
            advice=("-o report.html writes it", "--serve shows it in a browser"),
        )
    from shapescope.session import Request

    request = Request(model, tuple(inputs), train=train)
    view = _view(run, data_dir, sample=sample)
    if serve:
        from shapescope.cli.serve import serve_report

        return serve_report(request, view, port)
    return _write(request, view, output)


def _view(run: Path | None, data_dir: Path | None, *, sample: bool) -> RunView | None:
    if run is None:
        return None
    from shapescope.cli.run_exhibits import run_view

    return run_view(run, data_dir, sample=sample)


def _write(request: Request, view: RunView | None, output: Path | None) -> int:
    from shapescope.cli.output import emit
    from shapescope.render.report import report_html
    from shapescope.session import run_trace

    result = run_trace(request)
    emit(report_html(result, view), output)
    if output is not None:
        _say(result, output)
    return 1 if result.failed else 0


def _say(result: TraceResult, output: Path) -> None:
    """One line on stderr: where the page is, and whether the model is well."""
    from shapescope.cli.output import say_written

    say_written(output, " (the model fails: the page says where and why)" if result.failed else "")
