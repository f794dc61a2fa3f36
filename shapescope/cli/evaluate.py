"""`shapescope evaluate`: how good the weights of a run are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shapescope.cli.options import one_of
from shapescope.cli.training import (
    FORMATS,
    Checkpoint,
    DataDir,
    Format,
    Model,
    Sample,
    Untrained,
    picture_form,
    pictures,
    write_picture,
)
from shapescope.training.target import require_trained

if TYPE_CHECKING:
    from shapescope.training.evaluation import Evaluation

SPLITS = ("train", "test", "both")


def register(app: typer.Typer) -> None:
    """Add `evaluate`."""
    app.command("evaluate")(evaluate)


def evaluate(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN", show_default=False, help="A run's folder or a checkpoint file."
        ),
    ],
    data_dir: DataDir = None,
    sample: Sample = False,
    split: Annotated[
        str, typer.Option(metavar="train|test|both", help="Which images; never added together.")
    ] = "both",
    checkpoint: Checkpoint = "best",
    model: Model = "",
    untrained: Untrained = False,
    worst: Annotated[int, typer.Option(metavar="N", min=0, help="Draw the N worst mistakes.")] = 5,
    confusion: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Draw the confusion matrix: .png or .svg."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, show_default=False, help="Of torch.")
    ] = None,
    form: Format = "text",
) -> None:
    """Show loss and accuracy on train and test apart, by class, and the worst mistakes.

    Images are prepared as for testing in the run; the network is in eval mode, in float32.

    Examples:
    shapescope evaluate runs/lenet5
    shapescope evaluate runs/lenet5 --split test --confusion confusion.svg
    shapescope evaluate best_model.pth --data-dir ~/data --format json
    shapescope evaluate lenet5 --untrained --sample
    """
    one_of("--format", form, FORMATS)
    one_of("--split", split, SPLITS)
    one_of("--checkpoint", checkpoint, ("best", "last"))
    form_of_picture = picture_form(confusion) if confusion is not None else ""
    if not untrained:
        require_trained(target)
    import torch

    from shapescope.cli.output import emit, show, stdout_surface
    from shapescope.render import plots
    from shapescope.render.evaluation import (
        evaluation_lines,
        mistake_lines,
        mistake_titles,
    )
    from shapescope.render.images import grid_lines
    from shapescope.render.json import finite, to_json
    from shapescope.render.line import Line
    from shapescope.render.training import note_lines
    from shapescope.training.trained import described, open_trained, with_data

    if threads is not None:
        torch.set_num_threads(threads)
    opened = open_trained(target, untrained=untrained, model=model, which=checkpoint)
    trained = with_data(opened, data_dir, sample=sample)
    image_set = trained.images()
    wanted = [part for part in image_set.splits if split in (part.name, "both")]
    figures = [trained.evaluate(part, worst) for part in wanted]
    if form == "json":
        facts = described(trained) | {"data": image_set.source}
        emit(to_json(finite(facts | {"splits": [_plain(one) for one in figures]})))
    else:
        surface = stdout_surface()
        title = Line(trained.name.title, "heading").add(f"  {trained.origin}", "faint")
        show([title, *evaluation_lines(figures, trained.classes, surface)])
        last, source = figures[-1], wanted[-1]
        if last.mistakes:
            numbers = [mistake.number for mistake in last.mistakes]
            titles = mistake_titles(last, trained.classes)
            show([Line(), *mistake_lines(last, trained.classes), Line()])
            show(grid_lines(pictures(source, numbers), titles, surface))
        show(note_lines(image_set.notes, surface))
    if confusion is not None:
        heading = f"{trained.name.title}, {figures[-1].split}"
        content = plots.confusion(figures[-1].confusion, trained.classes, heading, form_of_picture)
        write_picture(confusion, content)


def _plain(figures: Evaluation) -> dict[str, Any]:
    line = figures.metrics(0)
    del line["epoch"]
    return line | {
        "class_accuracy": list(figures.class_accuracy),
        "confusion": [list(row) for row in figures.confusion],
        "mistakes": [
            {
                "image": mistake.number,
                "file": mistake.file,
                "actual": mistake.actual,
                "predicted": mistake.predicted,
                "probability": mistake.probability,
                "loss": mistake.loss,
            }
            for mistake in figures.mistakes
        ],
    }
