"""`shapescope sizes`: which inputs fit, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from shapescope.cli.options import Inputs, ModelName, Output, choices, form_of

FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add `sizes`."""
    app.command("sizes")(sizes)


def sizes(
    model: ModelName,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="text or json; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
) -> int:
    """Say which input sizes fit a model, which one it was built for, and why.

    A size fits if the model runs in eval mode with every batch of 2 or more and every output keeps
    the batch as its first axis. The model is run with sizes that keep their formulas, so the
    answer holds for all sizes; it works on a model that fails with the size you have, too.

    Exit code 0: a size fits, 1: none does, 2: a wrong request.

    Examples:
    shapescope sizes lenet5
    shapescope sizes net.py:Net --input 1,3,224,224
    shapescope sizes torchvision:vit_b_16
    shapescope sizes net.py:Net --input 1,3,28,28 --format json
    """
    form = form_of(form, output, FORMATS)
    from shapescope.cli.output import emit, show, stdout_surface
    from shapescope.sizing import sizes_of_request

    found = sizes_of_request(model, inputs)
    if form == "json":
        from shapescope.render.json import to_json
        from shapescope.render.sizes_json import sizes_to_dict

        emit(to_json(sizes_to_dict(found)), output)
    else:
        from shapescope.render.diagnostics import diagnostics_lines
        from shapescope.render.line import Line
        from shapescope.render.sizes import sizes_lines

        surface = stdout_surface(output)
        lines = sizes_lines(found, surface)
        if found.diagnostics:
            lines += [Line(), *diagnostics_lines(found.diagnostics, surface)]
        show(lines, output)
    return 0 if found.valid else 1
