"""`shapescope.lock`, written: what models gave and cost when they were recorded, as TOML.

One line for each step, models in the order of their names, nothing aligned: what a pull request
changes is what its diff shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from shapescope.analysis.records import Key, Record, StepRecord
from shapescope.trace import Shape

VERSION = 1
_HEAD = "# Written by `shapescope check --update`; `shapescope check` compares with it.\n"


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
