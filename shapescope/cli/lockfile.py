"""`shapescope.lock`: what models gave and cost when they were recorded, as TOML.

One line for each step, models in the order of their names, nothing aligned: what a pull request
changes is what its diff shows.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from shapescope.analysis.records import Record, StepRecord
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import Shape

LOCK = "shapescope.lock"
VERSION = 1
_HEAD = "# Written by `shapescope check --update`; `shapescope check` compares with it.\n"

Key: TypeAlias = tuple[str, tuple[str, ...], bool]
"""The model, its inputs as they were asked for, and whether it is in training mode."""


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


# --- writing


def lock_text(records: Mapping[Key, Record]) -> str:
    """The file that holds these records: the same text for the same records."""
    blocks = ("\n".join(_block(key, records[key])) + "\n" for key in sorted(records))
    return "\n".join((f"{_HEAD}version = {VERSION}\n", *blocks))


def _block(key: Key, record: Record) -> Iterator[str]:
    model, inputs, train = key
    yield "[[models]]"
    yield f"model = {_quoted(model)}"
    yield f"input = {_list(inputs)}"
    if train:
        yield "train = true"
    yield f"takes = {_list(map(_tensor_text, record.inputs))}"
    yield f"gives = {_list(map(_tensor_text, record.outputs))}"
    yield f"params = {record.params:_}"
    yield f"macs = {record.macs:_}"
    yield "steps = ["
    yield from (f"    {_step(step)}," for step in record.steps)
    yield "]"


def _step(step: StepRecord) -> str:
    facts = [f"path = {_quoted(step.path)}"] if step.path else []
    facts += [f"op = {_quoted(step.op)}", f"gives = {_list(map(_shape_text, step.gives))}"]
    if step.params:
        facts.append(f"params = {step.params:_}")
    if step.macs is None:
        facts.append('macs = "uncounted"')
    elif step.macs:
        facts.append(f"macs = {step.macs:_}")
    return f"{{ {', '.join(facts)} }}"


def _tensor_text(tensor: tuple[Shape, str]) -> str:
    shape, dtype = tensor
    return f"{_shape_text(shape)} {dtype}"


def _shape_text(shape: Sequence[int | str]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for one character that TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
