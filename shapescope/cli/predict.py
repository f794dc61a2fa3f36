"""`shapescope predict`: what a network says of single images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    picture,
)
from shapescope.diagnostic import ShapescopeError
from shapescope.training.target import require_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapescope.training.predict import Prediction
    from shapescope.training.trained import Trained

_MOST_PICTURES = 5  # beyond, predicted and actual classes side by side say more


def register(app: typer.Typer) -> None:
    """Add `predict`."""
    app.command("predict")(predict)


def predict(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN", show_default=False, help="A run's folder or a checkpoint file."
        ),
    ],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            show_default=False,
            help="Your own images, or folders of them; else the first of test.",
        ),
    ] = [],  # noqa: B006 - the parser makes a list of its own
    count: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default=False, help="How many images of the set."),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="train|test", show_default=False, help="Of which split.")
    ] = "",
    data_dir: DataDir = None,
    sample: Sample = False,
    checkpoint: Checkpoint = "best",
    model: Model = "",
    untrained: Untrained = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Your images are dark on light: turn them round.")
    ] = False,
    form: Format = "text",
) -> None:
    """Show the first images, their outputs and softmax, and predicted beside actual class.

    With --untrained this is the first forward pass of a fresh network: one image of the training
    set with its batch axis, then a batch of ten.

    Examples:
    shapescope predict runs/lenet5-tanh
    shapescope predict runs/mnist-cnn --count 20
    shapescope predict runs/lenet5 digit.png --invert
    shapescope predict network --untrained --sample
    """
    one_of("--format", form, FORMATS)
    one_of("--checkpoint", checkpoint, ("best", "last"))
    if split:
        one_of("--split", split, ("train", "test"))
    if images and (count is not None or split):
        raise ShapescopeError("images of your own come without --count and --split")
    if not untrained:
        require_trained(target)
    from shapescope.training.predict import predict_files, predict_split
    from shapescope.training.trained import open_trained, with_data

    opened = open_trained(target, untrained=untrained, model=model, which=checkpoint)
    trained = with_data(opened, data_dir, sample=sample)
    if images:
        predictions = predict_files(trained, images, invert=invert)
    else:
        image_set = trained.images()
        chosen = split or ("train" if untrained else "test")
        source = image_set.train if chosen == "train" else image_set.test
        predictions = predict_split(trained, source, count or (10 if untrained else 5))
    if form == "json":
        _as_json(trained, predictions)
    else:
        _as_text(trained, predictions, untrained=untrained, inverted=invert)


def _as_json(trained: Trained, predictions: Sequence[Prediction]) -> None:
    from shapescope.cli.output import emit
    from shapescope.render.json import finite, to_json
    from shapescope.training.trained import described

    found = [prediction.to_dict(trained.classes) for prediction in predictions]
    emit(to_json(finite(described(trained) | {"predictions": found})))


def _as_text(
    trained: Trained, predictions: Sequence[Prediction], *, untrained: bool, inverted: bool
) -> None:
    from shapescope.cli.live import remark
    from shapescope.cli.output import show, stdout_surface
    from shapescope.render.evaluation import image_title, prediction_lines, summary_lines
    from shapescope.render.images import grid_lines
    from shapescope.render.line import Line
    from shapescope.render.training import shape
    from shapescope.training.predict import looks_inverted

    surface = stdout_surface()
    show([Line(trained.name.title, "heading").add(f"  {trained.origin}", "faint"), Line()])
    closely = predictions[:1] if untrained else predictions[:_MOST_PICTURES]
    for prediction in closely:
        show(grid_lines([picture(prediction.image)], [image_title(prediction)], surface))
        if untrained:
            show(
                [
                    Line(
                        f"image {shape(trained.shape)}; with a batch axis (unsqueeze) "
                        f"{shape((1, *trained.shape))}; output 1 x {len(prediction.outputs)}"
                    )
                ]
            )
        show([*prediction_lines(prediction, trained.classes), Line()])
        if not inverted and looks_inverted(trained, prediction):
            remark(
                f"{prediction.name} is dark on light, the network learnt light on dark: --invert"
            )
    if untrained and len(predictions) > 1:
        outputs = f"{len(predictions)} x {len(predictions[0].outputs)}"
        show([Line(f"a batch of {len(predictions)}", "heading").add(f": output {outputs}")])
    show(summary_lines(predictions, trained.classes))
