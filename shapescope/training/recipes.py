"""The recipes: what each document does, and a faster way to the same accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shapescope.diagnostic import ShapescopeError
from shapescope.training.recipe import (
    OptimizerSpec,
    Recipe,
    ScheduleSpec,
    Transforms,
    override,
    read_toml,
)

CIFAR_CNN = Recipe(
    name="document",
    dataset="cifar-10",
    batch_size=64,
    epochs=20,
    transforms=Transforms(
        resize=(32, 32), mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010)
    ),
    optimizer=OptimizerSpec("sgd", lr=0.001, momentum=0.9, weight_decay=0.005),
)
LENET5 = Recipe(
    name="document",
    dataset="mnist",
    batch_size=64,
    epochs=10,
    transforms=Transforms(
        resize=(32, 32),
        mean=(0.1307,),
        std=(0.3081,),
        test_mean=(0.1325,),
        test_std=(0.3105,),
    ),
    optimizer=OptimizerSpec("adam", lr=0.001),
    print_every=400,
)
LENET5_TANH = Recipe(
    name="document",
    dataset="mnist",
    batch_size=16,
    epochs=50,
    optimizer=OptimizerSpec("sgd", lr=0.001, momentum=0.9),
    # the document makes this schedule and never steps it
    schedule=ScheduleSpec("step", step_size=10, gamma=0.1, active=False),
)
NETWORK = Recipe(
    name="document",
    dataset="fashion-mnist",
    batch_size=100,
    epochs=10,
    optimizer=OptimizerSpec("adam", lr=0.01),
)
MNIST_CNN = Recipe(
    name="document",
    dataset="mnist",
    batch_size=10,
    epochs=3,
    optimizer=OptimizerSpec("adam", lr=0.001),
    print_every=100,
)
OWN = Recipe(
    name="own",
    dataset="",
    batch_size=64,
    epochs=10,
    optimizer=OptimizerSpec("adam", lr=0.001),
)
_DOCUMENT = {
    "cifar-cnn": CIFAR_CNN,
    "lenet5": LENET5,
    "lenet5-tanh": LENET5_TANH,
    "network": NETWORK,
    "mnist-cnn": MNIST_CNN,
}
# Straight up to a high learning rate and down to nothing: most of what many epochs at a small one
# reach. Inputs of mean 0 and deviation 1 make that rate possible.
_ONE_CYCLE = ScheduleSpec("one_cycle", warmup=0.25)
_EARLY_CYCLE = ScheduleSpec("one_cycle", warmup=0.15)
_FAST = {
    "cifar-cnn": replace(
        CIFAR_CNN,
        name="fast",
        batch_size=128,
        epochs=3,
        optimizer=OptimizerSpec("sgd", lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.001),
        schedule=_ONE_CYCLE,
    ),
    "lenet5": replace(
        LENET5,
        name="fast",
        batch_size=100,
        epochs=1,
        optimizer=OptimizerSpec("adam", lr=0.01),
        schedule=_ONE_CYCLE,
        print_every=0,
    ),
    "lenet5-tanh": replace(
        LENET5_TANH,
        name="fast",
        batch_size=32,
        epochs=10,
        transforms=Transforms(mean=(0.1307,), std=(0.3081,)),
        optimizer=OptimizerSpec("sgd", lr=0.02, momentum=0.9, nesterov=True),
        schedule=_EARLY_CYCLE,
    ),
    "network": replace(
        NETWORK,
        name="fast",
        batch_size=128,
        epochs=2,
        transforms=Transforms(mean=(0.286,), std=(0.353,)),
        optimizer=OptimizerSpec("adam", lr=0.012),
        schedule=_EARLY_CYCLE,
        label_smoothing=0.1,
    ),
    "mnist-cnn": replace(
        MNIST_CNN,
        name="fast",
        batch_size=100,
        epochs=1,
        optimizer=OptimizerSpec("adam", lr=0.012),
        schedule=_ONE_CYCLE,
        label_smoothing=0.1,
        print_every=0,
    ),
}


def recipe_for(network: str | None, kind: str = "document") -> Recipe:
    """Return a recipe.

    Args:
        network: a document network's name; None for a model of the user's.
        kind: ``document`` or ``fast``.

    Raises:
        ShapescopeError: there is no such recipe.
    """
    if kind not in ("document", "fast"):
        raise ShapescopeError(
            f"no recipe {kind!r}: there are document, fast and your own FILE.toml"
        )
    if network is None:
        if kind == "fast":
            raise ShapescopeError("only the document networks have a fast recipe")
        return OWN
    table = _DOCUMENT if kind == "document" else _FAST
    return table[network]


def wanted_recipe(network: str | None, kind: str, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe with what a user changes of it.

    Args:
        network: a document network's name; None for a model of the user's.
        kind: ``document``, ``fast``, a TOML file, or "" for the default.
        changes: values by name.

    Raises:
        ShapescopeError: there is no such recipe, file or value.
    """
    kind = kind or "document"
    filed: dict[str, Any] = {}
    if kind.endswith(".toml"):
        filed = read_toml(Path(kind))
        kind = str(filed.pop("base", "document"))
    return override(override(recipe_for(network, kind), filed), changes)
