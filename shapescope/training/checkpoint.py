"""Checkpoints: everything a run needs to go on to the same bits, and nothing that runs code."""

from __future__ import annotations

import io
import pickle
import random
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shapescope.diagnostic import ShapescopeError
from shapescope.training.files import write_atomically

SCHEMA = "shapescope.checkpoint/1"


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        path: the file to write.
        content: tensors, numbers, strings, and lists and dicts of them.

    Raises:
        ShapescopeError: the disk is full or not writable; the file that was there is as it was.
    """
    buffer = io.BytesIO()
    torch.save({"schema": SCHEMA, **content}, buffer)
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        kept = "; the checkpoint that was there before is intact" if path.exists() else ""
        raise ShapescopeError(
            f"{path} cannot be written: {error.strerror or error}{kept}"
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ours, or a file with nothing but weights.

    Nothing in the file is executed: what is no tensor, number, string or container is refused.

    Args:
        path: the file.

    Returns:
        What ``save`` was given; for a plain ``state_dict``, ``{"weights": ...}``.

    Raises:
        ShapescopeError: the file is absent, cut short, damaged, or holds code.
    """
    if not path.is_file():
        raise ShapescopeError(
            f"{path} does not exist" if not path.exists() else f"{path} is no file"
        )
    try:
        if not _begins_as_saved(path):
            raise ShapescopeError(
                f"{path} is damaged or no checkpoint: it does not begin as files of torch.save do"
            )
        _check_sums(path)
        with warnings.catch_warnings():
            # of a pickle in another protocol, which is refused or read like the others
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ShapescopeError(_refusal(path, error)) from error
    except ShapescopeError:
        raise
    except Exception as error:  # bytes that are no checkpoint make an unpickler raise anything
        raise ShapescopeError(
            f"{path} is damaged or no checkpoint: {_first_line(error)}"
        ) from error
    if not isinstance(content, dict):
        raise ShapescopeError(f"{path} holds a {type(content).__name__}, not a checkpoint")
    if content.get("schema") == SCHEMA:
        return content
    for key in ("state_dict", "model_state_dict", "weights"):
        if isinstance(content.get(key), dict):
            content = content[key]
            break
    if not content or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ShapescopeError(f"{path} is no checkpoint of shapescope and holds more than weights")
    return {"weights": content}


def _check_sums(path: Path) -> None:
    """Compare every part of the file with the checksum kept beside it; torch itself does not."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise zipfile.BadZipFile(f"the checksum of {broken} does not hold")


def _refusal(path: Path, error: Exception) -> str:
    text = str(error)
    for marker in ("GLOBAL ", "global "):
        if marker in text:
            name = text.split(marker, 1)[1].split()[0].strip(".,`'\"")
            return f"{path} is refused: reading it would run code ({name})"
    if "Unsupported operand" in text or "Unsupported class" in text or "REDUCE" in text:
        return f"{path} is refused: reading it would run code"
    return f"{path} is damaged or no checkpoint: {_first_line(error)}"


def _begins_as_saved(path: Path) -> bool:
    """Whether a file begins as those of torch.save do: an archive, or a pickle before torch 1.6."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"PK\x03\x04", b"\x80"))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def apply_weights(model: nn.Module, weights: Mapping[str, torch.Tensor], origin: str) -> None:
    """Put weights into a model.

    Args:
        model: the network.
        weights: a ``state_dict``.
        origin: where they come from, for messages.

    Raises:
        ShapescopeError: they belong to another network.
    """
    problem = mismatch(model, weights)
    if problem:
        raise ShapescopeError(f"{origin} is of another network: {problem}")
    model.load_state_dict(dict(weights))


def mismatch(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> str | None:
    """Return why weights do not belong to a model, or None if they do."""
    own = model.state_dict()
    missing = [name for name in own if name not in weights]
    strange = [name for name in weights if name not in own]
    if missing or strange:
        parts = []
        if missing:
            parts.append(f"it has no {_some(missing)}")
        if strange:
            parts.append(f"it has {_some(strange)}, which {type(model).__name__} has not")
        return "; ".join(parts)
    for name, tensor in own.items():
        if tensor.shape != weights[name].shape:
            held = " x ".join(str(size) for size in weights[name].shape)
            wanted = " x ".join(str(size) for size in tensor.shape)
            return f"{name} is {held}, {type(model).__name__} has {wanted}"
    return None


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def rng_state(device: torch.device) -> dict[str, Any]:
    """Return the state of every generator a model may draw from while it is trained."""
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": [version, list(words), gauss],
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_rng(state: Mapping[str, Any], device: torch.device) -> None:
    """Set every generator to the state that ``rng_state`` returned."""
    torch.set_rng_state(state["torch"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
