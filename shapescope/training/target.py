"""Whether what a user names can be trained, or is trained, told before torch is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shapescope.diagnostic import ShapescopeError
from shapescope.networks.registry import find
from shapescope.training.run import Run

__all__ = ["require_named", "require_one_source", "require_trainable", "require_trained"]


def require_named(model: str) -> None:
    """Make sure that a new run names what it trains.

    Raises:
        ShapescopeError: it does not.
    """
    if not model:
        raise ShapescopeError(
            "name what to train: a document network or file.py:Class",
            advice=("shapescope train lenet5 --sample", "shapescope train --resume RUN"),
        )


def require_one_source(data_dir: Path | None, *, sample: bool) -> None:
    """Make sure that images are asked for from one place.

    Raises:
        ShapescopeError: from the sample and a folder.
    """
    if sample and data_dir is not None:
        raise ShapescopeError("--sample and --data-dir exclude each other")


def require_trainable(model: str, recipe: str, changes: Mapping[str, Any]) -> None:
    """Make sure that a new run names a model and a recipe that there are.

    Args:
        model: what the user named.
        recipe: ``document``, ``fast``, a TOML file, or "" for the default.
        changes: values of the recipe, by name.

    Raises:
        ShapescopeError: it does not, as far as can be told without loading the model.
    """
    from shapescope.capture.loader import promising
    from shapescope.training.recipes import wanted_recipe

    require_named(model)
    entry = find(model)
    if entry is None:
        promising(model)
    else:
        wanted_recipe(entry.recipe, recipe, changes)


def require_trained(target: str) -> None:
    """Make sure that a folder with a run or a checkpoint file is there.

    Raises:
        ShapescopeError: there is none of this name.
    """
    if Path(target).is_dir() and not Run(Path(target)).exists:
        raise ShapescopeError(f"{target} holds no run: config.json is missing")
    if Path(target).exists():
        return
    if find(target) is not None:
        raise ShapescopeError(
            f"{target} is a network, not a run: name the folder of a run, or a checkpoint file",
            advice=(f"shapescope train {target} --sample", f"or add --untrained to {target}"),
        )
    raise ShapescopeError(f"there is no run folder or checkpoint file {target}")
