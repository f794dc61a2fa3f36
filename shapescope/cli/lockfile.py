"""`shapescope.lock`, read: what models gave and cost when they were recorded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shapescope.analysis.records import Key, Record, StepRecord
from shapescope.diagnostic import ShapescopeError
from shapescope.render.lockfile import VERSION
from shapescope.trace import Shape

LOCK = "shapescope.lock"


def read_lock(file: Path) -> dict[Key, Record]:
    """The recorded models; none where there is no such file.

    Raises:
        ShapescopeError: the file cannot be read, or was not written by a version like this one.
    """
    if not file.is_file():
        return {}
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ShapescopeError(f"cannot read {file}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise _damaged(file, f"it is no TOML: {error}") from error
    if data.get("version") != VERSION:
        raise _damaged(file, f"its version is {data.get('version')}, not {VERSION}")
    try:
        return dict(_entry(item) for item in data.get("models", []))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(file, f"a model in it has another form ({error})") from error


def _damaged(file: Path, why: str) -> ShapescopeError:
    return ShapescopeError(
        f"cannot read {file}: {why}",
        advice=("delete it and record the models again: shapescope check --update",),
    )


def _entry(item: Mapping[str, Any]) -> tuple[Key, Record]:
    key = (str(item["model"]), tuple(map(str, item["input"])), bool(item.get("train", False)))
    steps = tuple(
        StepRecord(
            str(step.get("path", "")),
            str(step["op"]),
            tuple(map(_shape, step["gives"])),
            int(step.get("params", 0)),
            None if step.get("macs") == "uncounted" else int(step.get("macs", 0)),
        )
        for step in item["steps"]
    )
    return key, Record(
        tuple(map(_tensor, item["takes"])),
        tuple(map(_tensor, item["gives"])),
        int(item["params"]),
        int(item["macs"]),
        steps,
    )


def _tensor(text: str) -> tuple[Shape, str]:
    shape, _, dtype = text.rpartition(" ")
    return _shape(shape), dtype


def _shape(text: str) -> Shape:
    return () if text == "scalar" else tuple(int(size) for size in text.split(" x "))
