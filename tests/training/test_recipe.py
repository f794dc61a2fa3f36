"""Recipes: true to their documents, checked, changed by name, written and read without loss."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.diagnostic import ShapescopeError
from shapescope.networks import NETWORKS
from shapescope.training.recipe import (
    OptimizerSpec,
    Recipe,
    ScheduleSpec,
    Transforms,
    override,
    parse_setting,
    read_toml,
)
from shapescope.training.recipes import recipe_for

DOCUMENTS = {
    "cifar-cnn": ("cifar-10", 64, 20, OptimizerSpec("sgd", 0.001, 0.9, False, 0.005)),
    "lenet5": ("mnist", 64, 10, OptimizerSpec("adam", 0.001)),
    "lenet5-tanh": ("mnist", 16, 50, OptimizerSpec("sgd", 0.001, 0.9)),
    "network": ("fashion-mnist", 100, 10, OptimizerSpec("adam", 0.01)),
    "mnist-cnn": ("mnist", 10, 3, OptimizerSpec("adam", 0.001)),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_recipe_is_the_documents(name: str) -> None:
    recipe = recipe_for(name)
    found = (recipe.dataset, recipe.batch_size, recipe.epochs, recipe.optimizer)
    assert found == DOCUMENTS[name]
    assert recipe.label_smoothing == recipe.average == 0
    assert not recipe.transforms.augment
    assert recipe.shuffle


def test_details_of_the_documents() -> None:
    lenet5 = recipe_for("lenet5")
    assert lenet5.transforms == Transforms((32, 32), (0.1307,), (0.3081,), (0.1325,), (0.3105,))
    assert lenet5.print_every == 400
    assert recipe_for("mnist-cnn").print_every == 100
    assert recipe_for("cifar-cnn").transforms.mean == (0.4914, 0.4822, 0.4465)
    assert recipe_for("cifar-cnn").transforms.std == (0.2023, 0.1994, 0.2010)
    for name in ("lenet5-tanh", "network", "mnist-cnn"):
        assert recipe_for(name).transforms == Transforms()
    schedule = recipe_for("lenet5-tanh").schedule
    assert schedule == ScheduleSpec("step", step_size=10, gamma=0.1, active=False)


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
@pytest.mark.parametrize("kind", ["document", "fast"])
def test_every_recipe_survives_json(entry: object, kind: str) -> None:
    recipe = recipe_for(entry.recipe, kind)  # type: ignore[attr-defined]
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_there_is_no_other_recipe() -> None:
    with pytest.raises(ShapescopeError, match="no recipe 'quick'"):
        recipe_for("lenet5", "quick")
    with pytest.raises(ShapescopeError, match="only the document networks have a fast recipe"):
        recipe_for(None, "fast")


@given(
    batch=st.integers(1, 10_000),
    lr=st.floats(1e-6, 10, allow_nan=False),
    seed=st.integers(0, 2**63 - 1),
    size=st.none() | st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
def test_any_recipe_survives_json(
    batch: int, lr: float, seed: int, size: tuple[int, int] | None
) -> None:
    recipe = Recipe(
        "any", "", batch, 3, Transforms(resize=size), OptimizerSpec("adamw", lr=lr), seed=seed
    )
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_values_are_changed_by_name() -> None:
    recipe = recipe_for("lenet5-tanh")
    changed = override(
        recipe, {"optimizer.lr": 1, "schedule": {"active": True}, "transforms.resize": [14, 28]}
    )
    assert changed.optimizer.lr == 1.0
    assert changed.optimizer.momentum == 0.9
    assert changed.schedule == replace(recipe.schedule, active=True)
    assert changed.transforms.resize == (14, 28)
    assert override(recipe, {}) == recipe
    assert override(changed, {"transforms.resize": "none"}).transforms.resize is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimiser.lr": 1}, "a recipe has no optimiser; it has name, dataset, batch_size"),
        ({"optimizer.rate": 1}, "a recipe has no optimizer.rate; it has optimizer.name"),
        ({"optimiser.lr": 1}, "print_every; did you mean `optimizer`?"),
        ({"schedule.warm": 1}, "did you mean `schedule.warmup`?"),
        ({"batch_size": 0}, "batch_size is 0, at least 1 is needed"),
        ({"batch_size": "ten"}, "batch_size cannot be 'ten'"),
        ({"batch_size": 2.5}, "batch_size cannot be 2.5"),
        ({"batch_size": True}, "batch_size cannot be True"),
        ({"epochs": -1}, "epochs is -1"),
        ({"optimizer.lr": -0.1}, "lr is -0.1, it has to be positive"),
        ({"optimizer.lr": float("nan")}, "lr is nan"),
        ({"optimizer.name": "lion"}, "optimizer 'lion' is none of"),
        ({"optimizer": 3}, "optimizer cannot be 3"),
        ({"optimizer.betas": [0.9]}, "optimizer.betas cannot be"),
        ({"optimizer.nesterov": True, "optimizer.momentum": 0}, "nesterov needs a momentum"),
        ({"schedule.name": "linear"}, "schedule 'linear' is none of"),
        ({"transforms.augment": ["cutmix"]}, "augment knows"),
        ({"transforms.augment": ["shift"]}, "shift needs its pixels"),
        ({"transforms.mean": [0.5]}, "mean and std differ in length"),
        ({"transforms.mean": [0.5], "transforms.std": [0]}, "std is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"average": 1.0}, "average is not in"),
        ({"label_smoothing": 1.0}, "label_smoothing is not in"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ShapescopeError) as caught:
        override(recipe_for("network"), changes)
    assert said in str(caught.value)


def test_settings_and_toml(tmp_path: Path) -> None:
    assert parse_setting("optimizer.lr=0.5") == {"optimizer.lr": 0.5}
    assert parse_setting("schedule.active=true") == {"schedule.active": True}
    assert parse_setting("optimizer.name = adam") == {"optimizer.name": "adam"}
    assert parse_setting("transforms.resize=[16, 16]") == {"transforms.resize": [16, 16]}
    with pytest.raises(ShapescopeError, match="'lr' is no setting"):
        parse_setting("lr")
    path = tmp_path / "mine.toml"
    path.write_text("epochs = 3\n[optimizer]\nlr = 0.1\n")
    assert override(recipe_for("network"), read_toml(path)).optimizer.lr == 0.1
    path.write_text("epochs = \n")
    with pytest.raises(ShapescopeError, match=r"mine\.toml is no TOML"):
        read_toml(path)
    with pytest.raises(ShapescopeError, match="cannot be read"):
        read_toml(tmp_path / "absent.toml")
