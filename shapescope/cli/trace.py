"""`shapescope trace`: the table of steps."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from shapescope.cli.options import (
    ALL_AXES,
    Inputs,
    ModelName,
    Output,
    Real,
    Train,
    Verbose,
    choices,
    form_of,
)
from shapescope.diagnostic import ShapescopeError

FORMATS = ("table", "json", "markdown", "csv")

_PATIENCE = 5.0
_WAITING = (
    "finding formulas for the open sizes: this may take a minute, and is given up where they grow "
    "without an end (--symbolic N leaves fewer open)"
)


def register(app: typer.Typer) -> None:
    """Add `trace`."""
    app.command("trace")(trace)


def trace(
    model: ModelName,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    depth: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default=False, help="Collapse modules below this depth."
        ),
    ] = None,
    columns: Annotated[
        str, typer.Option(metavar="NAMES", show_default=False, help="Columns, commas between them.")
    ] = "",
    symbolic: Annotated[
        str,
        typer.Option(
            metavar="[N,H,W]",
            show_default=False,
            help="Keep axes open and show sizes as formulas; alone, all axes that can be.",
        ),
    ] = "",
    train: Train = False,
    real: Real = False,
    values: Annotated[
        bool, typer.Option("--values", help="Compute, and show each step's min, max and mean.")
    ] = False,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Use a picture, with --values."),
    ] = None,
    target: Annotated[
        str,
        typer.Option(metavar="SHAPE", show_default=False, help="Target of --loss: 64:int64."),
    ] = "",
    loss: Annotated[
        str,
        typer.Option(metavar="NAME", show_default=False, help="Also compute this loss."),
    ] = "",
    crosscheck: Annotated[
        bool,
        typer.Option(
            "--crosscheck", help="Show torchinfo's and torch's totals, and why they differ."
        ),
    ] = False,
    time: Annotated[
        bool,
        typer.Option(
            "--time",
            help="Also run it on real CPU tensors, and show each step's own time: the median of up "
            "to 5 runs, what listens kept out.",
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Give every step a row of its own; fold nothing.")
    ] = False,
    fold: Annotated[
        bool | None,
        typer.Option(
            "--fold/--no-fold", show_default=False, help="Show repeated blocks once (long tables)."
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="table, json, markdown or csv; else by the ending of -o. json and csv have every "
            "step, whatever shapes the table.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
    verbose: Verbose = False,
) -> int:
    """Show every step of a forward pass, its shape, and the proof of it.

    Module calls and function calls alike are steps. Shapes come from PyTorch, on tensors without
    memory where the model allows it; each is checked against the arithmetic of its layer.

    Exit code 0: all is well, 1: the model fails or a check does not match, 2: a wrong request.

    Examples:
    shapescope trace lenet5
    shapescope trace lenet5 --input 1,1,28,28
    shapescope trace net.py:Net --input 8,3,64,64 --depth 2
    shapescope trace network --values
    shapescope trace torchvision:vit_b_16 --depth 2 --crosscheck
    shapescope trace torchvision:resnet18 --symbolic N,H,W
    shapescope trace torchvision:resnet18 --time
    shapescope trace net.py --input 64,3,32,32 --target 64:int64 --loss cross_entropy
    shapescope trace network --format json --output network.json
    """
    form = form_of(form, output, FORMATS)
    from shapescope.render.rows import RowOptions
    from shapescope.render.table import TableOptions, parse_columns

    named = parse_columns(columns) if columns else ()
    if named and form in ("json", "csv"):
        raise ShapescopeError(f"`--columns` chooses columns of the table; {form} has all of them")
    values = values or not {"min", "max", "mean"}.isdisjoint(named)  # a column asks for its figures
    time = time or "time" in named
    shaping = {"--depth": depth is not None, "--fold": fold is not None, "--all": every}
    if form in ("json", "csv") and any(shaping.values()):
        from shapescope.cli.output import say_notes

        asked = ", ".join(option for option, given in shaping.items() if given)
        say_notes([f"{asked} shapes the table; {form} has every step"])
    options = TableOptions(RowOptions(every or values, depth, fold), named, verbose)
    from shapescope.cli.patience import said_after
    from shapescope.session import Request, run_trace

    request = Request(
        model,
        tuple(inputs),
        train=train,
        mode="symbolic" if symbolic else "real" if real else "auto",
        symbols=() if symbolic == ALL_AXES else tuple(filter(None, symbolic.split(","))),
        target=target,
        loss=loss,
        values=values,
        image=image,
        crosscheck=crosscheck,
        time=time,
    )
    with said_after(_PATIENCE, _WAITING) if symbolic else nullcontext():
        result = run_trace(request)
    from shapescope.cli.output import emit, show, stdout_surface

    if form == "table":
        from shapescope.render.table import result_lines

        show(result_lines(result, stdout_surface(output), options), output)
    elif form == "json":
        emit(result.to_json(), output)
    elif form == "markdown":
        emit(replace(result, options=options).to_markdown(), output)
    else:
        emit(result.to_csv(), output)
    return 1 if result.failed else 0
