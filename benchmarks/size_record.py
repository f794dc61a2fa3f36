"""What brute force found, kept so that later answers can be held against it in seconds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

Header = Mapping[str, Any]


def header(case: Any, axes: Sequence[Any], last: int) -> dict[str, Any]:
    """What the findings depend on, none of it an answer of ours.

    A model in a file is known by the file's content, one of a library or of the documents by its
    name; another torch, another range or other free axes make the findings void.
    """
    path = Path(case.model.rpartition(":")[0])
    return {
        "model": case.model.rsplit("/", 1)[-1],
        "source": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        "inputs": list(case.inputs),
        "device": case.device,
        "axes": [[axis["name"], axis["input"], axis["axis"]] for axis in axes],
        "last": last,
        "torch": torch.__version__,
    }


def read(folder: Path, wanted: Header) -> str | None:
    """The findings for this header, `1` for each size that fits, in order; None without any."""
    path = _path(folder, wanted)
    if not path.is_file():
        return None
    first, _, findings = path.read_text().partition("\n")
    return findings.replace("\n", "") if json.loads(first) == wanted else None


def write(folder: Path, about: Header, findings: str) -> None:
    """Keeps the findings, a line for each size of the first axis."""
    folder.mkdir(parents=True, exist_ok=True)
    width = about["last"]
    rows = [findings[start : start + width] for start in range(0, len(findings), width)]
    path = _path(folder, about)
    unfinished = path.with_suffix(".new")
    unfinished.write_text("\n".join([json.dumps(about), *rows]) + "\n")
    unfinished.replace(path)


def _path(folder: Path, about: Header) -> Path:
    name = "".join(letter if letter.isalnum() else "-" for letter in about["model"])
    return folder / f"{name}.txt"
