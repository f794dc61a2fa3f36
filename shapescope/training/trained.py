"""A network with its weights, from a run, a checkpoint file, or fresh and untrained."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shapescope.diagnostic import ShapescopeError
from shapescope.training import checkpoint
from shapescope.training.config import DataChoice
from shapescope.training.datasets.known import find_set
from shapescope.training.datasets.pixels import ImageSet, Split
from shapescope.training.evaluation import Evaluation, evaluate
from shapescope.training.model import NamedModel, named, recognised
from shapescope.training.recipe import Recipe
from shapescope.training.recipes import recipe_for
from shapescope.training.run import Run
from shapescope.training.target import require_one_source, require_trained
from shapescope.training.transforms import Preparation, preparation, resized


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network ready to be used.

    Attributes:
        name: which network.
        module: with its weights, in eval mode, on the CPU.
        recipe: decides the transforms.
        data: the images it was trained on.
        classes: class names by number.
        shape: C, H, W it takes.
        origin: where its weights come from, for people.
    """

    name: NamedModel
    module: nn.Module
    recipe: Recipe
    data: DataChoice
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    origin: str

    @property
    def prepare(self) -> Preparation:
        """The transforms of test images."""
        return preparation(self.recipe.transforms, self.shape[0], training=False)

    @property
    def prepare_train(self) -> Preparation:
        """The transforms of training images, nothing varied."""
        transforms = replace(self.recipe.transforms, augment=())
        return preparation(transforms, self.shape[0], training=True)

    def evaluate(self, split: Split, worst: int = 0) -> Evaluation:
        """Measure the network on a split, of any size; training images are not varied.

        Args:
            split: the images.
            worst: how many mistakes to list.
        """
        return evaluate(
            self.module,
            self.sized(split),
            self.prepare_train if split.name == "train" else self.prepare,
            len(self.classes),
            batch_size=self.recipe.batch_size,
            worst=worst,
        )

    def images(self) -> ImageSet:
        """Return the images, their labels being the numbers of the network's own classes.

        Raises:
            ShapescopeError: they are not there, damaged, or of classes that it was not trained on.
        """
        found = self.data.load()
        if found.classes == self.classes:
            return found
        strange = [name for name in found.classes if name not in self.classes]
        if strange:
            raise ShapescopeError(
                f"{found.source} has classes that {self.name.title} was not trained on: "
                f"{', '.join(strange)}; it tells {', '.join(self.classes)}"
            )
        numbers = torch.tensor([self.classes.index(name) for name in found.classes])
        train, test = (replace(split, labels=numbers[split.labels]) for split in found.splits)
        return replace(found, classes=self.classes, train=train, test=test)

    def sized(self, split: Split) -> Split:
        """Return a split at the size this network takes."""
        return resized(split, self.shape[1:])


def open_trained(
    target: str, *, untrained: bool = False, model: str = "", which: str = "best"
) -> Trained:
    """Return the network that a user named.

    Args:
        target: a run's folder, a checkpoint file, or (``untrained``) a network's name.
        untrained: take fresh weights.
        model: which network bare weights belong to; "" finds out.
        which: ``best`` or ``last`` checkpoint of a run.

    Raises:
        ShapescopeError: there is no such thing, or it is damaged.
    """
    path = Path(target)
    if untrained:
        return _fresh(model or target)
    if path.is_dir():
        run = Run(path)
        run.config()
        file = run.best_path if which == "best" else run.last_path
        if not file.exists():
            raise ShapescopeError(
                f"{path} has no {file.name} yet: its first epoch is not done",
                advice=(shlex.join(("shapescope", "train", "--resume", str(path))),),
            )
        return _from_file(file, model)
    require_trained(target)
    return _from_file(path, model)


def _fresh(spec: str) -> Trained:
    name = named(spec)
    if name.entry is None:
        raise ShapescopeError("--untrained is for the document networks")
    recipe = recipe_for(name.entry.name)
    known = find_set(recipe.dataset)
    assert known is not None
    return Trained(
        name,
        name.build(recipe.seed),
        recipe,
        DataChoice(recipe.dataset),
        known.classes,
        name.entry.input_shape[1:],
        "untrained",
    )


def _from_file(path: Path, model: str) -> Trained:
    content = checkpoint.load(path)
    weights: Mapping[str, torch.Tensor] = content["weights"]
    if "recipe" not in content:
        return _bare(path, weights, model)
    name = named(model or content["model"])
    module = name.build(0, len(content["classes"]))
    checkpoint.apply_weights(module, content.get("average") or weights, str(path))
    channels, height, width = content["shape"]
    return Trained(
        name,
        module,
        Recipe.from_dict(content["recipe"]),
        DataChoice.from_dict(content["data"]),
        tuple(content["classes"]),
        (channels, height, width),
        f"{path}, epoch {content['epoch']}",
    )


def _bare(path: Path, weights: Mapping[str, torch.Tensor], model: str) -> Trained:
    """Return the network of a file with nothing but weights (a saved ``state_dict``)."""
    name = named(model) if model else recognised(weights, str(path))
    if name.entry is None:
        raise ShapescopeError(
            f"{path} holds weights only: for a model of your own a run's checkpoint is needed, "
            "which also says how its images were prepared"
        )
    fresh = _fresh(name.entry.name)
    checkpoint.apply_weights(fresh.module, weights, str(path))
    return replace(fresh, origin=str(path))


def with_data(trained: Trained, data_dir: Path | None, *, sample: bool) -> Trained:
    """Return the same network to be used on images from somewhere else.

    Args:
        trained: the network.
        data_dir: where its data set is now; None leaves it where it was.
        sample: take the shipped sample.
    """
    require_one_source(data_dir, sample=sample)
    if data_dir is not None:
        data = replace(trained.data, data_dir=str(data_dir.resolve()), sample=False, recorded=False)
        if not data.dataset:  # images of other sizes and modes become what the network takes
            data = replace(data, channels=trained.shape[0], image_size=trained.shape[1:])
        return replace(trained, data=data)
    if sample:
        if not trained.data.dataset:
            raise ShapescopeError("there is a sample of mnist, fashion-mnist and cifar-10 only")
        return replace(trained, data=replace(trained.data, data_dir=None, sample=True))
    return trained


def described(trained: Trained) -> dict[str, Any]:
    """Return the facts about a network that JSON output repeats."""
    return {
        "model": trained.name.spec,
        "weights": trained.origin,
        "classes": list(trained.classes),
        "input_shape": [1, *trained.shape],
    }
