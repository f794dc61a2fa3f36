"""`[tool.shapescope]` of a pyproject.toml: the models that `check` looks at."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shapescope.analysis.expectations import Expectations
from shapescope.diagnostic import ShapescopeError, did_you_mean

FILE = "pyproject.toml"
_KEYS = ("model", "input", "outputs", "max_params", "max_macs", "train")
_EXAMPLE = '[[tool.shapescope.models]] with model = "net.py:Net" and input = ["1,3,32,32"]'


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """One entry of the table: a model, its inputs, and what it has to give and to cost."""

    model: str
    inputs: tuple[str, ...] = ()
    expected: Expectations = field(default_factory=Expectations)
    train: bool = False


def find_config(folder: Path) -> Path | None:
    """The nearest pyproject.toml, in the folder or above it."""
    for place in (folder, *folder.parents):
        if (place / FILE).is_file():
            return place / FILE
    return None


@dataclass(frozen=True, slots=True)
class Listed:
    """What a pyproject.toml lists, and what in it cannot be understood."""

    models: tuple[CheckedModel, ...]
    problems: tuple[ShapescopeError, ...] = ()


def read_config(file: Path) -> Listed:
    """The models that a pyproject.toml lists; none where it has no table of ours.

    An entry of another form is a problem, and the others stay.

    Raises:
        ShapescopeError: the file cannot be read, or the list is none.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ShapescopeError(f"cannot read {file}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ShapescopeError(f"{file} is no TOML: {error}") from error
    tools = data.get("tool", {})
    if not isinstance(tools, dict):
        raise ShapescopeError(f"{file}: `tool` is no table", advice=(f"write {_EXAMPLE}",))
    table = tools.get("shapescope", {})
    entries = table.get("models", []) if isinstance(table, dict) else None
    if not isinstance(entries, list):
        raise ShapescopeError(f"{file}: tool.shapescope.models is no list of tables",
                              advice=(f"write {_EXAMPLE}",))  # fmt: skip
    problems = []
    for key in table if isinstance(table, dict) else ():
        if key != "models":
            hint = did_you_mean(key, ["models"])
            problems.append(
                ShapescopeError(
                    f"{file}: tool.shapescope has an unknown key `{key}`{hint}",
                    advice=(f"write {_EXAMPLE}",),
                )
            )
    models = []
    for place, item in enumerate(entries, 1):
        try:
            models.append(_entry(item, f"{file}: model {place}"))
        except ShapescopeError as error:
            problems.append(error)
    return Listed(tuple(models), tuple(problems))


def _entry(item: Any, where: str) -> CheckedModel:
    if not isinstance(item, Mapping) or not isinstance(item.get("model"), str):
        raise ShapescopeError(f"{where} has no `model`", advice=(f"write {_EXAMPLE}",))
    unknown = [key for key in item if key not in _KEYS]
    if unknown:
        hint = did_you_mean(unknown[0], _KEYS)
        raise ShapescopeError(f"{where} has an unknown key `{unknown[0]}`{hint}",
                              advice=("keys are " + ", ".join(_KEYS),))  # fmt: skip
    train = item.get("train", False)
    if not isinstance(train, bool):
        raise ShapescopeError(f"{where}: `train` is true or false")
    return CheckedModel(
        item["model"],
        _inputs(item.get("input", []), where),
        Expectations(
            _outputs(item.get("outputs"), where),
            _limit(item, "max_params", where),
            _limit(item, "max_macs", where),
        ),
        train,
    )


def _inputs(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise ShapescopeError(f'{where}: `input` is a list of texts, as ["1,3,32,32"]')


def _outputs(value: Any, where: str) -> tuple[tuple[int, ...], ...] | None:
    if value is None:
        return None
    if isinstance(value, list) and all(_is_shape(shape) for shape in value):
        return tuple(tuple(shape) for shape in value)
    raise ShapescopeError(f"{where}: `outputs` is a list of shapes, as [[1, 10]]")


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and all(_is_count(size) for size in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _limit(item: Mapping[str, Any], key: str, where: str) -> int | None:
    value = item.get(key)
    if value is not None and not _is_count(value):
        raise ShapescopeError(f"{where}: `{key}` is a whole number")
    return value
