"""What a training run does, as data: frozen, checked, written to and read from a run's record."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from shapescope.diagnostic import ShapescopeError, did_you_mean

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "step", "one_cycle")
AUGMENTATIONS = ("flip", "shift")


@dataclass(frozen=True, slots=True)
class Transforms:
    """What happens to an image of bytes before the network sees it.

    Attributes:
        resize: H, W (bilinear, as PIL does it); None keeps the size.
        mean: subtracted per channel, after division by 255; () subtracts nothing.
        std: divides per channel.
        test_mean: ``mean`` for test images, where it differs.
        test_std: ``std`` for test images, where it differs.
        augment: what varies in training: ``flip`` (left and right), ``shift:N`` (up to N pixels).
    """

    resize: tuple[int, int] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    test_mean: tuple[float, ...] | None = None
    test_std: tuple[float, ...] | None = None
    augment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OptimizerSpec:
    """An optimizer of ``torch.optim`` and its arguments.

    ``betas`` is read by adam and adamw only, ``momentum`` and ``nesterov`` by sgd only.
    """

    name: str = "sgd"
    lr: float = 0.001
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """How the learning rate changes.

    Attributes:
        name: ``constant``; ``step``: times ``gamma`` every ``step_size`` epochs; ``one_cycle``: a
            straight line up over the first ``warmup`` of all steps, then one down to ``final``
            times the learning rate.
        active: False describes a schedule that is made and never stepped.
    """

    name: str = "constant"
    step_size: int = 10
    gamma: float = 0.1
    warmup: float = 0.25
    final: float = 0.0
    active: bool = True


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the figures of a run, apart from the network.

    Attributes:
        name: which recipe this is, for people.
        dataset: a known data set; "" for the user's own folder.
        batch_size: images per step, over all processes.
        epochs: passes over the training images.
        transforms: what happens to the images.
        optimizer: what changes the weights.
        schedule: how its learning rate changes.
        label_smoothing: share of the target spread over all classes.
        average: decay per step of a running mean of the weights that is tested and kept instead
            of the last weights; 0 for none.
        shuffle: whether training images come in a new order every epoch.
        seed: of the weights, the order and everything else that is drawn.
        print_every: steps between printed lines within an epoch; 0 for none.
    """

    name: str
    dataset: str
    batch_size: int
    epochs: int
    transforms: Transforms = field(default_factory=Transforms)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    label_smoothing: float = 0.0
    average: float = 0.0
    shuffle: bool = True
    seed: int = 0
    print_every: int = 0

    def __post_init__(self) -> None:
        """Refuse what no run could do."""
        problem = problem_of(self)
        if problem:
            raise ShapescopeError(f"recipe {self.name}: {problem}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON and TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe that ``to_dict`` described.

        Raises:
            ShapescopeError: an unknown key or a value of the wrong type.
        """
        recipe: Recipe = _build(cls, values, "")
        return recipe


def problem_of(recipe: Recipe) -> str | None:
    """Return what is wrong with a recipe's values, or None."""
    optimizer, schedule, transforms = recipe.optimizer, recipe.schedule, recipe.transforms
    kinds = {name.partition(":")[0] for name in transforms.augment}
    shifts = [name.partition(":")[2] for name in transforms.augment if name.startswith("shift")]
    checks = (
        (recipe.batch_size >= 1, f"batch_size is {recipe.batch_size}, at least 1 is needed"),
        (recipe.epochs >= 0, f"epochs is {recipe.epochs}"),
        (0 <= recipe.label_smoothing < 1, "label_smoothing is not in [0, 1)"),
        (0 <= recipe.average < 1, "average is not in [0, 1)"),
        (0 <= recipe.seed < 2**63, f"seed is {recipe.seed}, not in 0 .. 2**63 - 1"),
        (optimizer.name in OPTIMIZERS, f"optimizer {optimizer.name!r} is none of {OPTIMIZERS}"),
        (optimizer.lr > 0, f"lr is {optimizer.lr}, it has to be positive"),
        (0 <= optimizer.momentum < 1, "momentum is not in [0, 1)"),
        (not optimizer.nesterov or optimizer.momentum > 0, "nesterov needs a momentum"),
        (optimizer.weight_decay >= 0, "weight_decay is negative"),
        (schedule.name in SCHEDULES, f"schedule {schedule.name!r} is none of {SCHEDULES}"),
        (schedule.step_size >= 1, "schedule.step_size is below 1"),
        (0 <= schedule.warmup <= 1, "schedule.warmup is not in [0, 1]"),
        (kinds <= set(AUGMENTATIONS), f"augment knows {AUGMENTATIONS}, not {sorted(kinds)}"),
        (all(shift.isdigit() for shift in shifts), "shift needs its pixels: shift:2"),
        (
            transforms.resize is None or min(transforms.resize) >= 1,
            f"resize is {transforms.resize}",
        ),
        (len(transforms.mean) == len(transforms.std), "mean and std differ in length"),
        (0 not in (*transforms.std, *(transforms.test_std or ())), "std is 0"),
    )
    return next((text for holds, text in checks if not holds), None)


def override(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some values changed.

    Args:
        recipe: where to start.
        changes: values by name; parts nested (``{"optimizer": {"lr": 0.1}}``) or with a dot
            (``{"optimizer.lr": 0.1}``).

    Raises:
        ShapescopeError: an unknown name, or a value of the wrong type.
    """
    changed: Recipe = _build(Recipe, _merged(recipe.to_dict(), changes, ""), "")
    return changed


def read_toml(path: Path) -> dict[str, Any]:
    """Return the changes a TOML file asks for.

    Raises:
        ShapescopeError: the file is absent or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShapescopeError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ShapescopeError(f"{path} is no TOML: {error}") from error


def parse_setting(text: str) -> dict[str, Any]:
    """Return the change that ``NAME=VALUE`` asks for; the value is TOML, or else plain text.

    Raises:
        ShapescopeError: there is no ``=``.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ShapescopeError(
            f"{text!r} is no setting: write NAME=VALUE, as optimizer.momentum=0.8"
        )
    try:
        parsed = tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return {name.strip(): parsed}


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    result = dict(base)
    for name, value in changes.items():
        key, dot, rest = name.partition(".")
        change = {rest: value} if dot else value
        if key not in base:
            raise ShapescopeError(
                f"a recipe has no {where}{key}; it has {', '.join(where + known for known in base)}"
                + did_you_mean(f"{where}{key}", [where + known for known in base])
            )
        if isinstance(result[key], Mapping) and isinstance(change, Mapping):
            result[key] = _merged(result[key], change, f"{where}{key}.")
        else:
            result[key] = change
    return result


def _build(cls: type[Any], values: Mapping[str, Any], where: str) -> Any:
    hints = get_type_hints(cls)
    names = {item.name for item in fields(cls)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise ShapescopeError(f"a recipe has no {where}{unknown[0]}")
    return cls(**{name: _typed(hints[name], value, where + name) for name, value in values.items()})


def _typed(hint: Any, value: Any, where: str) -> Any:
    """Return the value as its field wants it (lists become tuples, ints floats), or refuse it."""
    wrong = ShapescopeError(f"{where} cannot be {value!r}")
    if get_origin(hint) in (Union, UnionType):
        if value is None or value == "none":
            return None
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise wrong
        kinds = get_args(hint)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            return tuple(_typed(kinds[0], item, where) for item in value)
        if len(kinds) != len(value):
            raise wrong
        return tuple(_typed(kind, item, where) for kind, item in zip(kinds, value, strict=True))
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
        if not isinstance(value, Mapping):
            raise wrong
        return _build(hint, value, f"{where}.")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise wrong
    return value
