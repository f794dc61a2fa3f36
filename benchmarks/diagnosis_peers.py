"""What other tools say of the same shape bugs: PyTorch itself, torchinfo, torchlens, TensorSensor.

Each runs a case as its documentation shows, and its text is what a user would read: the exception
with its traceback, and what the tool adds. It is judged as the diagnosis is: detected if it raises
(none of them says anything where nothing raises), located if a line of the file that it names is a
culprit's, explained if its text holds the numbers that were wanted and that arrived. None of them
gives an edit.
"""

from __future__ import annotations

import contextlib
import io
import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from case_folder import (  # type: ignore[import-not-found,unused-ignore]
    LOSSES,
    Case,
    build,
    first,
    make_inputs,
    make_target,
    numbers_in,
    required_numbers,
)
from torch import Tensor, nn

Run = Callable[[nn.Module, list[Tensor]], Any]


@dataclass(frozen=True)
class Said:
    """What a tool was worth on one case."""

    detected: bool
    located: bool
    explained: bool


def _torch(model: nn.Module, inputs: list[Tensor]) -> Any:
    return model(*inputs)


def _torchinfo(model: nn.Module, inputs: list[Tensor]) -> Any:
    import torchinfo

    mode = "train" if model.training else "eval"
    torchinfo.summary(model, input_data=inputs, verbose=0, mode=mode)
    return None


def _torchlens(model: nn.Module, inputs: list[Tensor]) -> Any:
    import torchlens

    torchlens.trace(model, inputs)
    return None


def _tensorsensor(model: nn.Module, inputs: list[Tensor]) -> Any:
    import tsensor

    # It parses the line that fails, and knows no `*inputs`.
    first_input, *others = inputs
    with tsensor.clarify(show=None):
        if others:
            y = model(first_input, others[0])
        else:
            y = model(first_input)
    return y


PEERS: dict[str, tuple[str, Run]] = {
    "PyTorch": ("torch", _torch),
    "torchinfo": ("torchinfo", _torchinfo),
    "TensorSensor": ("tensor-sensor", _tensorsensor),
    "torchlens": ("torchlens", _torchlens),  # last: it wraps torch's functions for good
}


def installed() -> dict[str, tuple[str, Run]]:
    """The tools that are here, with their versions in front."""
    found = {}
    for name, (package, run) in PEERS.items():
        with contextlib.suppress(PackageNotFoundError):
            found[name] = (f"{name} {version(package)}", run)
    return found


def said_by(run: Run, case: Case) -> Said:
    """Run one tool on one case and judge its text."""
    torch.manual_seed(0)
    text = io.StringIO()
    raised = False
    with (
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            model = build(case, case.model_spec, None)
            output = run(model, make_inputs(case))
            target = make_target(case)
            if target is not None:
                # the loss stands behind the model, in plain PyTorch whatever looked at it
                output = model(*make_inputs(case)) if output is None else output
                LOSSES[case.data["target"]["loss"]](first(output), target)
        except Exception:  # noqa: BLE001  # any model may raise anything
            raised = True
            traceback.print_exc(file=text)
    return _judged(case, text.getvalue(), raised)


def _judged(case: Case, text: str, raised: bool) -> Said:
    file = re.escape(case.model_spec.partition(":")[0])
    lines = {int(line) for line in re.findall(rf'{file}", line (\d+)', text)}
    # Numbers of lines, and of tools' own code that a traceback quotes, are no explanation.
    told = re.sub(r'(?m)^ *File ".*\n(?: {4}.*\n)*', "", text)
    wanted = required_numbers(case)
    return Said(
        detected=raised,
        located=raised and bool(lines & set(case.data["culprit_line"])),
        explained=raised and wanted <= numbers_in(told),
    )


def peers_table(cases: Sequence[Case], ours: tuple[int, int, int, int]) -> str:
    """A row for each tool: how many cases it saw, located, explained and mended."""
    lines = [f"{'tool':<24} seen line nums fix"]
    for name, run in installed().values():
        said = [said_by(run, case) for case in cases]
        counts = [
            sum(getattr(one, what) for one in said) for what in ("detected", "located", "explained")
        ]
        lines.append(f"{name:<24} {counts[0]:<4} {counts[1]:<4} {counts[2]:<4} 0")
    lines.append(f"{'shapescope':<24} {ours[0]:<4} {ours[1]:<4} {ours[2]:<4} {ours[3]}")
    return "\n".join(lines)
