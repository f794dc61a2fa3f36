"""Shape bugs as folders: a broken model, what is known of it, and the proof that a fix is one.

The format is that of `tests/diagnosis/cases`: `model.py` with the bug, `fixed.py` without it, and
`case.json` with the input, the culprit's lines, the numbers a good message names, and the output
that a mended model gives. What a fix is worth is judged here on real tensors and by torch alone.

A model may run and still be no mend: two shapes can agree by accident. So a case may name the
`right_edits` (each a list of fragments that the edit has to write) and the `right_inputs` (each the
shapes of all inputs); then only these, and the text of `fixed.py`, count.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "nll": F.nll_loss,
    "bce": F.binary_cross_entropy,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
    "smooth_l1": F.smooth_l1_loss,
}
LOSS_NAMES = {
    "mse": "mse_loss",
    "l1": "l1_loss",
    "nll": "nll_loss",
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
    "smooth_l1": "smooth_l1_loss",
}


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path
    data: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def model_spec(self) -> str:
        """What a user types for the broken model, from inside the folder."""
        return str(self.data["model"])

    @property
    def fixed_spec(self) -> str:
        """What a user types for the mended model."""
        return str(self.data["fixed"])

    @property
    def train(self) -> bool:
        """Whether the model is run in training mode."""
        return bool(self.data.get("mode", "train") == "train")

    def input_texts(self) -> list[str]:
        """The inputs as `--input` takes them."""
        bounds = self.data.get("input_high") or [None] * len(self.data["input"])
        texts = []
        for shape, dtype, bound in zip(
            self.data["input"], self.data["input_dtype"], bounds, strict=True
        ):
            text = ",".join(map(str, shape))
            text += "" if dtype == "float32" else f":{dtype}"
            texts.append(text + (f"<{bound}" if bound is not None else ""))
        return texts

    def fed(self, shapes: list[list[int]], dtypes: list[str]) -> Case:
        """The same case on other inputs."""
        return Case(self.folder, {**self.data, "input": shapes, "input_dtype": dtypes})

    def target_text(self) -> tuple[str, str] | None:
        """The target and the loss as `--target` and `--loss` take them."""
        target = self.data.get("target")
        if not target:
            return None
        text = ",".join(map(str, target["shape"]))
        text += "" if target["dtype"] == "float32" else f":{target['dtype']}"
        if target["dtype"] == "int64":
            text += f"<{target.get('num_classes', 2)}"
        return text, LOSS_NAMES.get(target["loss"], target["loss"])


def read_cases(folder: Path, words: Sequence[str] = ()) -> list[Case]:
    """Every case of a folder, or those whose name holds one of the words."""
    found = [Case(path.parent, json.loads(path.read_text())) for path in folder.glob("*/case.json")]
    chosen = [case for case in found if not words or any(word in case.name for word in words)]
    return sorted(chosen, key=lambda case: case.name)


def required_numbers(case: Case) -> set[int]:
    """The numbers that a message has to name: what was wanted and what came, else all known."""
    numbers = dict(case.data.get("numbers") or {})
    named = {key: numbers[key] for key in ("expected", "got", "factors") if key in numbers}
    return set(_ints(list((named or numbers).values())))


def is_right_edit(case: Case, text: str) -> bool:
    """Whether an edited file is a mend that the case names; any is where it names none."""
    named = case.data.get("right_edits")
    if not named:
        return True
    before = _spaceless((case.folder / case.model_spec.partition(":")[0]).read_text())
    after = _spaceless(text)
    if after == _spaceless((case.folder / case.fixed_spec.partition(":")[0]).read_text()):
        return True
    return any(
        all(after.count(part) > before.count(part) for part in map(_spaceless, parts))
        for parts in named
    )


def is_right_input(case: Case, shapes: list[list[int]]) -> bool:
    """Whether other inputs are a mend that the case names; any are where it names none."""
    named = case.data.get("right_inputs")
    if named is None:
        return not case.data.get("right_edits")
    return shapes in named


def _spaceless(text: str) -> str:
    return re.sub(r"\s", "", text)


def _ints(value: Any) -> Iterator[int]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _ints(item)


def numbers_in(text: str) -> set[int]:
    """Every whole number of a text, thousands written with or without commas."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return {int(number) for number in re.findall(r"\d+", plain)}


# --- the proof of a fix


def problems_of(case: Case, spec: str, text: str | None = None) -> list[str]:
    """What is wrong with a model on the case's input, in real arithmetic; empty if it is mended.

    Args:
        case: what it is fed, and what it must give.
        spec: `file.py:Class`, inside the case's folder.
        text: the file's text, where it is to differ.
    """
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _problems(case, spec, text)
    except Exception as error:  # noqa: BLE001  # any model may raise anything
        return [f"raises {type(error).__name__}: {str(error)[:120]}"]


def _problems(case: Case, spec: str, text: str | None) -> list[str]:
    torch.manual_seed(0)
    model = build(case, spec, text)
    inputs = make_inputs(case)
    output = model(*[tensor.clone() for tensor in inputs])
    found = []
    shapes = shapes_of(output)
    if shapes != case.data["expected_output"]:
        found.append(f"gives {shapes}, expected {case.data['expected_output']}")
    target = make_target(case)
    if target is not None:
        loss = case.data["target"]["loss"]
        LOSSES[loss](first(output), target)
        if loss not in ("cross_entropy", "nll") and first(output).shape != target.shape:
            found.append("output and target differ in shape")
    if not case.data["fails"] and silent_bug(case, model, inputs):
        found.append("the silent bug is still there")
    return found


def build(case: Case, spec: str, text: str | None) -> nn.Module:
    """The model of a case, from its file or from an edited text of it."""
    file, _, name = spec.partition(":")
    path = case.folder / file
    if text is not None:
        scratch = tempfile.TemporaryDirectory()
        path = Path(scratch.name) / file
        path.write_text(text)
    module_spec = importlib.util.spec_from_file_location(f"case_{case.name}_{path.stem}", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.path.insert(0, str(case.folder))
    try:
        module_spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(case.folder))
    torch.manual_seed(0)
    model = getattr(module, name)()
    assert isinstance(model, nn.Module)
    return model.train(case.train)


def make_inputs(case: Case) -> list[Tensor]:
    """The inputs, seeded."""
    generator = torch.Generator().manual_seed(1)
    made = []
    bounds = case.data.get("input_high") or [2] * len(case.data["input"])
    for shape, dtype, bound in zip(
        case.data["input"], case.data["input_dtype"], bounds, strict=True
    ):
        kind = getattr(torch, dtype)
        if dtype.startswith("float"):
            made.append(torch.randn(shape, generator=generator).to(kind))
        else:
            made.append(torch.randint(0, bound or 2, shape, generator=generator).to(kind))
    return made


def make_target(case: Case) -> Tensor | None:
    """The target of the loss, if the case has one."""
    target = case.data.get("target")
    if not target:
        return None
    if target["dtype"] == "int64":
        return torch.randint(0, target.get("num_classes", 2), target["shape"])
    made = torch.randn(target["shape"])
    return made.sigmoid() if target["loss"].startswith("bce") else made


def first(output: Any) -> Tensor:
    """The first tensor of an output."""
    value = output[0] if isinstance(output, tuple | list) else output
    assert isinstance(value, Tensor)
    return value


def shapes_of(output: Any) -> list[Any]:
    """The shape of the output, or a list of shapes for several."""
    if isinstance(output, tuple | list):
        return [list(tensor.shape) for tensor in output]
    return list(output.shape)


def silent_bug(case: Case, model: nn.Module, inputs: list[Tensor]) -> bool:
    """Whether what raises nothing is there, as the case says to find it."""
    check = case.data["silent_check"]
    kind = check["kind"]
    output = first(model(*inputs))
    if kind == "batch_size":
        return output.shape[0] != inputs[0].shape[0]
    if kind == "loss_broadcast":
        target = make_target(case)
        return target is not None and output.shape != target.shape
    if kind == "module_attr":
        value = getattr(model.get_submodule(check["module"]), check["attr"])
        return bool(value != check["right"])
    bound = (case.data.get("input_high") or [None])[0]
    if kind == "batch_mixing":
        return _mixes_batch(model, inputs, output, bound)
    if kind == "equivariance":
        axis = check["axis"]
        order = torch.arange(inputs[0].shape[axis]).flip(0)
        turned = first(model(*[tensor.index_select(axis, order) for tensor in inputs]))
        return bool((turned - output.index_select(axis, order)).abs().max() > 1e-4)
    if kind == "axis_locality":
        place = inputs[0].shape[check["input_axis"]] // 2
        changed = _changed(inputs[0], place, check["input_axis"], bound)
        difference = (first(model(changed)) - output).abs()
        others = [axis for axis in range(difference.dim()) if axis != check["output_axis"]]
        along = difference.amax(others).tolist()
        return any(value > 1e-5 for number, value in enumerate(along) if number != place)
    raise ValueError(f"unknown check {kind}")


def _mixes_batch(model: nn.Module, inputs: list[Tensor], output: Tensor, bound: int | None) -> bool:
    count = inputs[0].shape[0]
    for sample in {0, count // 2, count - 1}:
        changed = [_changed(tensor, sample, 0, bound) for tensor in inputs]
        rows = (first(model(*changed)) - output).abs().flatten(1).amax(1)
        if any(rows[row] > 1e-5 for row in range(len(rows)) if row != sample):
            return True
    return False


def _changed(tensor: Tensor, place: int, axis: int, bound: int | None) -> Tensor:
    """The tensor with other values at one index of an axis."""
    changed = tensor.clone()
    index: list[Any] = [slice(None)] * tensor.dim()
    index[axis] = place
    part = changed[tuple(index)]
    changed[tuple(index)] = (part + 1) % bound if bound else torch.randn(part.shape) * 3
    return changed
