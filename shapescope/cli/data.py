"""`shapescope data`: what a data set holds, in numbers and in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import one_of
from shapescope.cli.training import (
    FORMATS,
    DataDir,
    Format,
    Sample,
    pair,
    picture_form,
    pictures,
    write_picture,
)
from shapescope.diagnostic import ShapescopeError, did_you_mean

if TYPE_CHECKING:
    from shapescope.training.datasets.pixels import ImageSet


def register(app: typer.Typer) -> None:
    """Add `data`."""
    app.command("data")(data)


def data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="mnist, fashion-mnist, cifar-10, or a document network for the set it trains on. "
            "Left out: the images in --data-dir.",
        ),
    ] = "",
    data_dir: DataDir = None,
    sample: Sample = False,
    split: Annotated[
        str, typer.Option(metavar="train|test", help="Which images are drawn.")
    ] = "train",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="How many are drawn.")] = 10,
    columns: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default=False, help="Pictures in a row."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw into a .png or .svg instead."),
    ] = None,
    image_size: Annotated[
        str, typer.Option(metavar="H,W", show_default=False, help="Resize your own images.")
    ] = "",
    form: Format = "text",
) -> None:
    """Show what a data set holds: length, one sample, targets, classes, mean and std, pictures.

    Examples:
    shapescope data fashion --data-dir ~/data
    shapescope data fashion --sample --count 20 --save grid.png
    shapescope data cifar-10
    shapescope data --data-dir ./images --image-size 64
    """
    one_of("--format", form, FORMATS)
    one_of("--split", split, ("train", "test"))
    from shapescope.training.target import require_one_source

    require_one_source(data_dir, sample=sample)
    from shapescope.cli.output import emit, show, stdout_surface
    from shapescope.render.evaluation import facts_lines
    from shapescope.render.images import grid_lines
    from shapescope.render.json import to_json
    from shapescope.render.line import Line
    from shapescope.render.training import note_lines
    from shapescope.training.datasets.describe import facts

    found = _load(name, data_dir, pair(image_size, "--image-size"), sample=sample)
    chosen = found.train if split == "train" else found.test
    numbers = list(range(min(count, len(chosen))))
    titles = [found.classes[int(chosen.labels[number])] for number in numbers]
    if save is not None:
        from shapescope.render.plots import grid

        if not numbers:
            raise ShapescopeError("--save needs a --count of at least 1")
        content = grid(pictures(chosen, numbers), titles, columns or 10, picture_form(save))
        write_picture(save, content)
    both = facts(found)
    if form == "json":
        emit(
            to_json(
                {
                    "name": found.name,
                    "title": found.title,
                    "source": found.source,
                    "classes": found.classes,
                    "notes": found.notes,
                    "splits": [part.to_dict() for part in both],
                }
            )
        )
    else:
        surface = stdout_surface()
        show(facts_lines(found.title, found.source, found.classes, both, surface))
        show(note_lines(found.notes, surface))
    if save is None and form == "text" and numbers:
        surface = stdout_surface()
        show([Line(), *grid_lines(pictures(chosen, numbers), titles, surface, columns)])


def _load(
    name: str, data_dir: Path | None, size: tuple[int, int] | None, *, sample: bool
) -> ImageSet:
    from shapescope.networks.registry import find, names
    from shapescope.training.config import DataChoice
    from shapescope.training.datasets.fetch import data_dir_from
    from shapescope.training.datasets.known import find_set, set_names
    from shapescope.training.recipes import recipe_for

    place = str(data_dir) if data_dir is not None else None
    if not name:
        if sample:
            raise ShapescopeError(f"--sample needs a name: {', '.join(set_names())}")
        if data_dir_from(data_dir) is None:
            raise ShapescopeError(
                "name a set, or a folder of your own images",
                advice=(f"the names are {', '.join(set_names())}", "or give --data-dir DIR"),
            )
        return DataChoice("", place, image_size=size).load()
    known = find_set(name)
    entry = find(name)
    if known is None and entry is not None:
        known = find_set(recipe_for(entry.name).dataset)
    if known is None:
        hint = did_you_mean(name, [*set_names(), *names()])
        raise ShapescopeError(
            f"there is no data set `{name}`{hint}",
            advice=(f"the names are {', '.join(set_names())}, and those of the networks",),
        )
    return DataChoice(known.name, place, sample).load()
