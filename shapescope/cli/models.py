"""`shapescope models`: what can be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Output, choices, form_of
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.render.line import Line
    from shapescope.render.theme import Surface

FORMATS = ("table", "json")
ZOOS = ("torchvision", "timm", "hf")


def register(app: typer.Typer) -> None:
    """Add `models`."""
    app.command("models")(models)


def models(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            show_default=False,
            autocompletion=choices(*ZOOS),
            help="A part of a name (resnet), a place (torchvision, timm, hf), or both: timm:vit*.",
        ),
    ] = "",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="table or json; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
) -> int:
    """List what can be named as MODEL.

    Without a filter: the networks that come along, and how else models are named. With one, also
    the names in torchvision, timm and transformers, as far as these are installed.

    Examples:
    shapescope models
    shapescope models torchvision
    shapescope models resnet
    shapescope models "timm:*vit*"
    """
    form = form_of(form, output, FORMATS)
    from shapescope.cli.output import emit, show, stdout_surface

    place, names = named(pattern)
    if form == "json":
        from shapescope.render.json import to_json

        data = {"schema": "shapescope.models/1", "networks": _networks(pattern), "models": names}
        emit(to_json(data), output)
        return 0
    surface = stdout_surface(output)
    lines = _network_lines(pattern, surface) if not place else []
    if not pattern:
        lines += _forms(surface)
    from shapescope.render.line import Line

    if names:
        lines += [Line(), *map(Line, names)] if lines else list(map(Line, names))
    if not lines:
        raise ShapescopeError(f"no model's name fits `{pattern}`", advice=("shapescope models",))
    show(lines, output)
    return 0


def named(pattern: str) -> tuple[str, list[str]]:
    """The place that a filter names, if any, and the names in all places that fit it.

    Raises:
        ShapescopeError: the filter names a place that is not installed.
    """
    from fnmatch import fnmatchcase

    from shapescope.cli.zoos import names_in

    place, _, rest = pattern.partition(":") if ":" in pattern else (pattern, "", "")
    if place in ZOOS:
        found = names_in(place)
        if found is None:
            raise ShapescopeError(f"{place} is not installed", advice=(_INSTALL[place],))
        wanted = rest
    elif pattern:
        place, wanted = "", pattern
        found = [name for zoo in ZOOS for name in names_in(zoo) or []]
    else:
        return "", []
    if not any(sign in wanted for sign in "*?["):
        wanted = f"*{wanted}*"
    return place, [name for name in found if fnmatchcase(name.partition(":")[2], wanted)]


_INSTALL = {
    "torchvision": "pip install torchvision",
    "timm": "pip install 'shapescope[timm]'",
    "hf": "pip install 'shapescope[hf]'",
}


def _networks(pattern: str) -> list[dict[str, object]]:
    from shapescope.networks.registry import NETWORKS

    return [
        {
            "name": entry.name,
            "aliases": list(entry.aliases),
            "input": list(entry.input_shape),
            "summary": entry.summary,
        }
        for entry in NETWORKS
        if any(pattern in name for name in (entry.name, *entry.aliases))
    ]


def _network_lines(pattern: str, surface: Surface) -> list[Line]:
    from shapescope.networks.registry import NETWORKS
    from shapescope.render.shapes import shape_text

    shown = [
        (entry.name, ", ".join(entry.aliases), shape_text(entry.input_shape), entry.summary)
        for entry in NETWORKS
        if any(pattern in name for name in (entry.name, *entry.aliases))
    ]
    if not shown:
        return []
    titles = ("network", "also", "input", "")
    widths = [max(len(row[place]) for row in (titles, *shown)) for place in range(3)]
    lines = _row(titles, widths, "faint", surface)
    return lines + [line for row in shown for line in _row(row, widths, "", surface)]


def _row(texts: tuple[str, ...], widths: list[int], style: str, surface: Surface) -> list[Line]:
    from shapescope.render.line import Line, beside

    name, also, shape, summary = texts
    line = Line(name.ljust(widths[0]) + "  ", style or "heading")
    line.add(also.ljust(widths[1]) + "  ", "faint").add(shape.ljust(widths[2]) + "  ", style)
    return beside(line, summary, surface, style)


_FORMS = (
    ("torchvision:resnet18", "every model of torchvision: shapescope models torchvision"),
    ("timm:vit_tiny_patch16_224", "every model of timm, without its weights"),
    ("hf:BertModel, hf:bert", "a model of transformers, from its configuration"),
    ("net.py", "the model class of a file"),
    ("net.py:Net, net.py:Net(10, width=2)", "a class in a file, with literal arguments"),
    ("package.module:factory(...)", "whatever can be imported and gives a model"),
)


def _forms(surface: Surface) -> list[Line]:
    from shapescope.render.line import Line, beside

    width = max(len(name) for name, _ in _FORMS)
    rows = [Line(), Line("and as MODEL", "faint")]
    for name, text in _FORMS:
        rows += beside(Line(f"{name:<{width}}  ", "op"), text, surface)
    return rows
