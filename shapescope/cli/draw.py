"""`shapescope draw`: the architecture as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Inputs, ModelName, Train, choices, file_of, one_of
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapescope.diagnostic import Diagnostic
    from shapescope.trace import Trace

STYLES = ("auto", "maps", "graph")
THEMES = ("light", "dark")
FORMATS = ("svg", "png", "pdf", "mmd", "dot")


def register(app: typer.Typer) -> None:
    """Add `draw`."""
    app.command("draw")(draw)


def draw(
    model: ModelName,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            callback=file_of,
            help="Write to FILE; its ending tells the form: .svg .png .pdf .mmd .dot.",
        ),
    ] = None,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    style: Annotated[
        str,
        typer.Option(
            metavar="STYLE",
            help="maps (rows of feature maps), graph (boxes and edges), or auto.",
            autocompletion=choices(*STYLES),
        ),
    ] = "auto",
    theme: Annotated[
        str,
        typer.Option(metavar="THEME", help="light or dark.", autocompletion=choices(*THEMES)),
    ] = "light",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            show_default=False,
            help="svg, png, pdf, mmd (Mermaid) or dot (Graphviz), whatever FILE ends with.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    blocks: Annotated[
        bool, typer.Option("--blocks", help="Draw the feature maps in the terminal.")
    ] = False,
    train: Train = False,
) -> int:
    """Draw the architecture: the figure of a paper.

    Networks of maps and vectors without branches are drawn as rows to scale, with their kernels
    and what they see of the input; U-shaped ones as a U; all others as a graph, repeats folded.

    Without -o the picture goes to stdout as SVG, or as blocks where stdout is a terminal.

    Exit code 0: drawn, 1: the model fails (what ran is drawn, the failure marked), 2: a wrong
    request.

    Examples:
    shapescope draw lenet5 -o lenet5.svg
    shapescope draw torchvision:resnet50 -o resnet50.pdf
    shapescope draw torchvision:vgg16 --style maps --theme dark -o vgg16.png
    shapescope draw net.py:Net --input 1,3,64,64 --format mmd
    shapescope draw network --blocks
    """
    one_of("--style", style, STYLES)
    one_of("--theme", theme, THEMES)
    if blocks and (form or output is not None):
        raise ShapescopeError("`--blocks` draws in the terminal, not to a file")
    blocks = blocks or (output is None and not form and sys.stdout.isatty())
    chosen = form or _form_of(output)
    one_of("--format", chosen, FORMATS)
    if output is None and chosen in ("png", "pdf"):
        raise ShapescopeError(f"a {chosen} needs a file", advice=(f"-o picture.{chosen}",))
    from shapescope.session import Request, run_trace

    result = run_trace(Request(model, tuple(inputs), train=train))
    if blocks:
        from shapescope.cli.output import show, stdout_surface
        from shapescope.render.blocks import block_lines

        show(block_lines(result.trace, stdout_surface()))
    else:
        _write(result.trace, chosen, style, theme, output)
        if output is not None:
            from shapescope.cli.output import say_written

            say_written(output)
    _say(result.diagnostics, aside=output is None)
    return 1 if result.trace.failure is not None else 0


def _say(diagnostics: Sequence[Diagnostic], *, aside: bool) -> None:
    """Print what is wrong with the model; `aside`, where stdout holds the picture itself."""
    from shapescope.cli.output import show, stdout_surface
    from shapescope.render.diagnostics import diagnostics_lines
    from shapescope.render.line import write_lines
    from shapescope.render.theme import surface_of

    errors = [one for one in diagnostics if one.severity == "error"]
    if not errors:
        return
    if aside:
        surface = surface_of(sys.stderr)
        write_lines(diagnostics_lines(errors, surface), sys.stderr, surface)
    else:
        show(diagnostics_lines(errors, stdout_surface()))


def _form_of(output: Path | None) -> str:
    """The form that a file's ending asks for; SVG without a file."""
    if output is None:
        return "svg"
    ending = output.suffix.lower().removeprefix(".")
    known = {"gv": "dot", "mermaid": "mmd"}.get(ending, ending)
    if known not in FORMATS:
        raise ShapescopeError(
            f"the ending of {output} tells no form",
            advice=("name the file .svg, .png, .pdf, .mmd or .dot", "or give --format"),
        )
    return known


def _write(trace: Trace, form: str, style: str, theme: str, output: Path | None) -> None:
    from shapescope.cli.output import emit, write_bytes

    if form == "mmd":
        from shapescope.render.mermaid import trace_to_mermaid

        emit(trace_to_mermaid(trace), output)
    elif form == "dot":
        from shapescope.render.dot import trace_to_dot

        emit(trace_to_dot(trace), output)
    else:
        from shapescope.render.drawing import draw as draw_scene
        from shapescope.render.drawing import scene_to_svg

        scene = draw_scene(trace, style)
        if form == "svg":
            emit(scene_to_svg(scene, theme), output)
        elif output is not None:
            from shapescope.render.drawing.raster import scene_to_bytes

            write_bytes(output, scene_to_bytes(scene, form, theme))
