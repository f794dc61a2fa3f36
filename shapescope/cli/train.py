"""`shapescope train`: a network, its recipe, and a folder that records the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shapescope.cli.completion import complete_model
from shapescope.cli.options import one_of
from shapescope.cli.training import FORMATS, DataDir, Format, Sample, pair

if TYPE_CHECKING:
    from shapescope.training.options import TrainOptions

PRECISIONS = ("auto", "float32", "bfloat16")


def register(app: typer.Typer) -> None:
    """Add `train`."""
    app.command("train")(train)


def train(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            autocompletion=complete_model,
            help="A document network (lenet5), or your own: file.py:Class.",
        ),
    ] = "",
    data_dir: DataDir = None,
    sample: Sample = False,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="document|fast|FILE.toml",
            show_default=False,
            help="What the document does (the default), the fast way there, or changes in a file.",
        ),
    ] = "",
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=0, show_default=False, help="Epochs in all.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default=False, help="Images a step, in all."),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(metavar="X", show_default=False, help="Learning rate.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, show_default=False, help="Of weights and order."),
    ] = None,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            show_default=False,
            help="Any value of the recipe: optimizer.momentum=0.8, schedule.active=true.",
        ),
    ] = [],  # noqa: B006 - the parser makes a list of its own
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="Train on mnist, fashion-mnist or cifar-10 instead of the recipe's set.",
        ),
    ] = "",
    image_size: Annotated[
        str, typer.Option(metavar="H,W", show_default=False, help="Resize images to this size.")
    ] = "",
    validation: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Hold out N training images and choose the best by them."
        ),
    ] = 0,
    precision: Annotated[
        str,
        typer.Option(metavar="auto|float32|bfloat16", help="auto takes what is measured faster."),
    ] = "auto",
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where.")] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, show_default=False, help="Of each process; else measured."
        ),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Try torch.compile, take it if it is faster.")
    ] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits in every run.")
    ] = False,
    processes: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes on this machine that share the work.")
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", show_default=False, help="Folder of the run; else runs/NAME-TIME."
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", show_default=False, help="Go on with an interrupted run."),
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Longest time without a checkpoint.")
    ] = 60.0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")
    ] = False,
    one_batch: Annotated[
        bool, typer.Option("--one-batch", help="Take a single step and show what it does.")
    ] = False,
    form: Format = "text",
) -> None:
    """Train a network by its document's recipe, or your own on your own images.

    The folder of the run holds config.json, metrics.jsonl, last.pt, best.pt, curves.png and
    confusion.png. Ctrl-C stops at the next step with a checkpoint; --resume goes on to the
    same bits.

    Examples:
    shapescope train fashion --sample
    shapescope train lenet5 --data-dir ~/data --out runs/lenet5
    shapescope train lenet5 --recipe fast --seed 1
    shapescope train my_net.py:Net --data-dir ./images --image-size 64
    shapescope train --resume runs/lenet5
    shapescope train network --one-batch
    torchrun --nproc-per-node 2 -m shapescope train mnist-cnn --out runs/two
    """
    one_of("--precision", precision, PRECISIONS)
    one_of("--format", form, FORMATS)
    from shapescope.training.recipe import parse_setting

    changes: dict[str, Any] = {}
    for setting in settings:
        changes |= parse_setting(setting)
    given = {"epochs": epochs, "batch_size": batch_size, "optimizer.lr": lr, "seed": seed}
    changes |= {name: value for name, value in given.items() if value is not None}
    if dataset:
        changes["dataset"] = dataset
    if resume is None:
        from shapescope.training.target import require_one_source, require_trainable

        require_trainable(model, recipe, changes)
        require_one_source(data_dir, sample=sample)
    from shapescope.cli.training_run import run_here, run_in_processes, show_one_batch
    from shapescope.training.distributed import launched
    from shapescope.training.options import TrainOptions

    options: TrainOptions = TrainOptions(
        model=model,
        data_dir=data_dir,
        sample=sample,
        recipe=recipe,
        changes=changes,
        image_size=pair(image_size, "--image-size"),
        validation=validation,
        precision=precision,
        device=device,
        threads=threads,
        compile=compiled,
        deterministic=deterministic,
        checkpoint_seconds=checkpoint_every,
        events=tensorboard,
    )
    if one_batch:
        show_one_batch(options, form)
    elif processes > 1 and not launched():
        raise typer.Exit(run_in_processes(ctx, processes, options, out, resume))
    else:
        raise typer.Exit(run_here(options, out, resume, form))
