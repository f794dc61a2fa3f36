"""From what a user typed for a run to a request, new or to be resumed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shapescope.diagnostic import ShapescopeError
from shapescope.training.config import choose_data
from shapescope.training.engine import Engine
from shapescope.training.model import named
from shapescope.training.recipe import override
from shapescope.training.recipes import wanted_recipe
from shapescope.training.run import Run
from shapescope.training.setup import Request, request_from
from shapescope.training.target import require_named


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A run as a user asks for it.

    Attributes:
        model: what names the network; "" for a run that is resumed.
        data_dir: where the images are.
        sample: whether to take the shipped sample.
        recipe: ``document``, ``fast``, a TOML file, or "" for the default.
        changes: values of the recipe to change, by name.
        image_size: H, W to resize a user's images to.
        validation: images to hold out.
        precision: see ``Request``, as what follows.
        device: where to compute.
        threads: of each process.
        compile: whether compiled code is tried.
        deterministic: whether nothing is left to chance or measurement.
        checkpoint_seconds: longest time without a checkpoint.
        events: whether TensorBoard events are written.
    """

    model: str = ""
    data_dir: Path | None = None
    sample: bool = False
    recipe: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None
    validation: int = 0
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    compile: bool = False
    deterministic: bool = False
    checkpoint_seconds: float = 60.0
    events: bool = False


def new_request(options: TrainOptions) -> Request:
    """Return the request for a new run.

    Raises:
        ShapescopeError: there is no such network, recipe, value or folder.
    """
    require_named(options.model)
    name = named(options.model)
    network = name.entry.recipe if name.entry else None
    recipe = wanted_recipe(network, options.recipe, options.changes)
    data = choose_data(
        name,
        recipe,
        options.data_dir,
        sample=options.sample,
        image_size=options.image_size,
        validation=options.validation,
    )
    size = options.image_size or (data.image_size if not data.dataset else None)
    if size is not None:
        recipe = override(recipe, {"transforms.resize": size})
    if not data.dataset and recipe.dataset:
        # another kind of image: the recipe's mean and deviation are not theirs
        recipe = override(
            recipe,
            {
                "dataset": "",
                "transforms.mean": (),
                "transforms.std": (),
                "transforms.test_mean": None,
                "transforms.test_std": None,
            },
        )
    return Request(
        model=name,
        recipe=recipe,
        data=data,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
        compile=options.compile,
        deterministic=options.deterministic,
        checkpoint_seconds=options.checkpoint_seconds,
        events=options.events,
    )


def resumed_request(options: TrainOptions, run: Run) -> tuple[Request, Engine]:
    """Return the request and the engine of a run that is to go on.

    ``--epochs`` may ask for more or fewer; every other value has to be what the run recorded.

    Raises:
        ShapescopeError: there is no run, or it was started with other values.
    """
    config = run.config()
    if options.model and named(options.model).spec != named(config["model"]).spec:
        raise ShapescopeError(
            f"the run in {run.folder} trains {config['model']}, not {options.model}; "
            f"shapescope train --resume {shlex.quote(str(run.folder))} goes on with it"
        )
    request, engine = request_from(config, named(config["model"]))
    recipe = request.recipe
    if options.recipe in ("document", "fast") and options.recipe != recipe.name:
        raise ShapescopeError(f"the run in {run.folder} follows the recipe {recipe.name}")
    wanted = override(recipe, options.changes)
    if replace(wanted, epochs=recipe.epochs) != recipe:
        raise ShapescopeError(
            f"the run in {run.folder} was started with other values: resume it without "
            f"{', '.join(name for name in options.changes if name != 'epochs')}, or start another"
        )
    data = request.data
    if options.sample and not data.sample:
        raise ShapescopeError(f"the run in {run.folder} does not train on the sample")
    if options.data_dir is not None:
        data = replace(data, data_dir=str(options.data_dir.resolve()), recorded=False)
    return replace(request, recipe=wanted, data=data), engine
