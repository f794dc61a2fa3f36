"""From a request to everything that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from shapescope.diagnostic import ShapescopeError
from shapescope.training.config import DataChoice, environment, fingerprint
from shapescope.training.datasets.describe import statistics
from shapescope.training.datasets.pixels import ImageSet, Split, hold_out
from shapescope.training.distributed import Group
from shapescope.training.engine import PRECISIONS, Engine, Way
from shapescope.training.model import NamedModel, check_fit, check_trainable
from shapescope.training.plan import Plan
from shapescope.training.probe import choose
from shapescope.training.recipe import Recipe
from shapescope.training.transforms import preparation, resized
from shapescope.training.wishes import Wishes

_WORTH_MEASURING = 50_000  # images in a run; below, measuring takes longer than it saves
_STATISTICS = 10_000  # images that mean and deviation of a user's own set are taken from


@dataclass(frozen=True, slots=True)
class Request:
    """What to train and how.

    Attributes:
        model: the network.
        recipe: what to do.
        data: which images.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        threads: of each process; None measures.
        compile: whether compiled code is tried.
        deterministic: only operations with one result, and nothing that is measured.
        checkpoint_seconds: how long an epoch may go on without a checkpoint.
        events: whether TensorBoard events are written as well.
    """

    model: NamedModel
    recipe: Recipe
    data: DataChoice
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    compile: bool = False
    deterministic: bool = False
    checkpoint_seconds: float = 60.0
    events: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no run could use."""
        if self.precision not in PRECISIONS:
            raise ShapescopeError(f"precision {self.precision!r} is none of {PRECISIONS}")
        if self.threads is not None and self.threads < 1:
            raise ShapescopeError(f"threads is {self.threads}, at least 1 is needed")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A request made ready.

    Attributes:
        plan: of the training steps.
        model: the network with its first weights, on its device.
        image_set: the images as they are.
        test: the test split at the network's size.
        validation: the held-out split, if there is one.
        classes: how many classes there are.
        notes: what about the network a reader of the figures should know.
    """

    plan: Plan
    model: nn.Module
    image_set: ImageSet
    test: Split
    validation: Split | None
    classes: int
    notes: tuple[str, ...]

    @property
    def judge(self) -> Split:
        """The split that decides which checkpoint is best."""
        return self.validation or self.test


def device_for(asked: str) -> str:
    """Return the device to use.

    Raises:
        ShapescopeError: it is unknown, or this machine has none.
    """
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if asked == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if here[name])
    if asked not in here:
        raise ShapescopeError(f"there is no device {asked!r}; there are auto, cpu, cuda and mps")
    if not here[asked]:
        raise ShapescopeError(f"this machine has no {asked} device that torch can use")
    return asked


def prepare(request: Request, group: Group, engine: Engine | None = None) -> Prepared:
    """Load the images, build the network and choose how to compute.

    Args:
        request: what is wanted.
        group: the processes that share the work.
        engine: how a run that is resumed computed; None chooses.

    Raises:
        ShapescopeError: the images are not there, or the network does not take them.
    """
    image_set = request.data.load()
    recipe = _measured(request, image_set)
    size = recipe.transforms.resize
    train, test = (resized(split, size) for split in image_set.splits)
    validation = None
    if request.data.validation:
        if request.data.validation >= len(train):
            raise ShapescopeError(
                f"{request.data.validation:,} images cannot be held out of {len(train):,}"
            )
        train, validation = hold_out(train, request.data.validation, recipe.seed)
    classes = len(image_set.classes)
    model = request.model.build(recipe.seed, classes)
    channels = train.pixels.shape[0]
    check_trainable(model, request.model)
    if classes < 2:
        raise ShapescopeError(
            f"{image_set.source} has one class, {image_set.classes[0]}: training needs two or more "
            "to tell apart"
        )
    plain = preparation(recipe.transforms, channels, training=False)
    few = torch.arange(min(2, len(test)))
    notes = check_fit(model, request.model, plain(next(iter(test.pixels.read([few])))), classes)
    if engine is None:
        engine = _engine(request, recipe, model, train, classes, group)
    model = model.to(engine.device)
    if engine.way.channels_last:
        model = model.to(memory_format=torch.channels_last)
    ready = preparation(
        recipe.transforms, channels, training=True, memory_format=engine.way.memory_format
    )
    plan = Plan(recipe, train, ready, engine, group)
    return Prepared(plan, model, image_set, test, validation, classes, notes)


def _measured(request: Request, image_set: ImageSet) -> Recipe:
    """Return the recipe with mean and deviation of a user's own images, where it names none."""
    recipe = request.recipe
    if request.data.dataset or recipe.transforms.mean:
        return recipe
    mean, std = statistics(image_set.train, _STATISTICS)
    transforms = replace(
        recipe.transforms,
        mean=tuple(round(value, 4) for value in mean),
        std=tuple(max(round(value, 4), 0.01) for value in std),
    )
    return replace(recipe, transforms=transforms)


def _engine(
    request: Request,
    recipe: Recipe,
    model: nn.Module,
    train: Split,
    classes: int,
    group: Group,
) -> Engine:
    """Choose how to compute; the leading process decides for all."""
    device = device_for(request.device)
    wishes = Wishes(
        request.precision,
        request.threads,
        request.compile,
        max(1, torch.get_num_threads() // group.local_processes),
        len(train) * recipe.epochs if group.processes == 1 else 0,
        alone=group.processes == 1,
    )
    if device != "cpu":
        precision = "bfloat16" if request.precision == "auto" else request.precision
        if request.deterministic and request.precision == "auto":
            precision = "float32"
        way = Way(precision, channels_last=False, threads=1, compiled=request.compile)
        return Engine(way, device, request.deterministic)
    few = len(train) * recipe.epochs < _WORTH_MEASURING
    exact = request.deterministic or request.precision == "float32"
    if request.deterministic or (few and not request.compile):
        # one process and two then give the same bits, which costs some speed
        parts = 2 if exact and request.model.entry is not None and not _mixes(model) else 1
        return Engine(wishes.plain, deterministic=request.deterministic, parts=parts)
    chosen: Engine | None = None
    if group.leads:
        numbers = torch.arange(min(recipe.batch_size // group.processes or 1, len(train)))
        ready = preparation(
            replace(recipe.transforms, augment=()), train.pixels.shape[0], training=True
        )
        sample = ready(next(iter(train.pixels.read([numbers]))))
        chosen = choose(model, sample, classes, recipe, wishes)
    agreed = group.from_leader(chosen)
    assert isinstance(agreed, Engine)
    return agreed


def _mixes(model: nn.Module) -> bool:
    """Tell whether a network normalises over its batch, which cannot be computed in pieces."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())


def record(request: Request, prepared: Prepared) -> dict[str, Any]:
    """Return what ``config.json`` holds."""
    image_set, plan = prepared.image_set, prepared.plan
    return {
        "model": request.model.spec,
        "document_network": request.model.entry.name if request.model.entry else None,
        "recipe": plan.recipe.to_dict(),
        "data": {
            **request.data.to_dict(),
            "title": image_set.title,
            "source": image_set.source,
            "classes": list(image_set.classes),
            "shape": list(plan.split.pixels.shape),
            "train_images": len(plan.split),
            "test_images": len(prepared.test),
            "fingerprint": fingerprint(image_set),
            "notes": list(image_set.notes),
        },
        "engine": plan.engine.to_dict(),
        "processes": plan.group.processes,
        "checkpoint_seconds": request.checkpoint_seconds,
        "tensorboard": request.events,
        "environment": environment(),
    }


def request_from(config: Mapping[str, Any], model: NamedModel) -> tuple[Request, Engine]:
    """Return the request and the engine that ``record`` described."""
    engine = Engine.from_dict(config["engine"])
    request = Request(
        model=model,
        recipe=Recipe.from_dict(config["recipe"]),
        data=DataChoice.from_dict(config["data"]),
        device=engine.device,
        precision=engine.way.precision,
        threads=engine.way.threads,
        compile=engine.way.compiled,
        deterministic=engine.deterministic,
        checkpoint_seconds=config["checkpoint_seconds"],
        events=config["tensorboard"],
    )
    return request, engine
