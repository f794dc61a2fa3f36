"""Files that hold a saved model (torch.export, TorchScript) or only its weights.

What a file is decides its content, not its name. Nothing is unpickled that could run code.
"""

from __future__ import annotations

import copy
import logging
import os
import pickle
import pickletools
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loading.import_errors import missing_file, one_line
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.loading.spec import ModelSpec
from shapescope.capture.scripts import made_public
from shapescope.capture.untouched.copies import real_copy
from shapescope.diagnostic import ShapescopeError
from shapescope.source_text import display_path

__all__ = ["load_saved", "read_weights"]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights", "params", "module")
_ONLY_WEIGHTS = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_EARLY_EXPORT = "serialized_exported_program.json"  # as torch.export wrote it before torch 2.7
_NO_MODELS = ("optim", "sched", "scaler", "rng", "hyper")
"""What the names of other things that a checkpoint holds have in common."""


def load_saved(parsed: ModelSpec) -> LoadedModel:
    """The model, or the weights, that a file holds.

    Of a file of weights, `LoadedModel.weights` is filled and `build` refuses.

    Raises:
        ShapescopeError: the file is absent, damaged, of another kind, or could run code.
    """
    path = Path(parsed.place)
    if not path.is_file():
        raise missing_file(parsed.place)
    names = _archive_names(path)
    inputs: tuple[InputSpec, ...] = ()
    weights: Mapping[str, Tensor] | None = None
    make: Callable[[], Any]
    if any(name.endswith("/constants.pkl") for name in names):
        script = _reading(path, lambda: torch.jit.load(str(path), "cpu"))  # type: ignore[no-untyped-call]
        class_name, make = str(script.original_name), lambda: copy.deepcopy(script)
    elif any(name.endswith(("/archive_format", _EARLY_EXPORT)) for name in names):
        program = _reading(path, lambda: torch.export.load(path))
        exported = made_public(program.module())
        class_name, make = "ExportedProgram", lambda: _as_module(exported)
        inputs = _example_inputs(program.example_inputs)
    else:
        weights = read_weights(path)
        class_name = "weights"

        def make() -> Any:
            raise ShapescopeError(
                f"{display_path(path)} holds weights, not a model: `shapescope params` shows them; "
                "name the model's class to trace it"
            )

    return LoadedModel(
        spec=parsed.text,
        name=parsed.place,
        class_name=class_name,
        make=make,
        file=path,
        default_inputs=inputs,
        files=(path.absolute(),),
        weights=weights,
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name; those of the model where it holds more.

    Args:
        path: a file that `torch.save` or safetensors wrote. Values are read when they are used.

    Raises:
        ShapescopeError: it is no checkpoint, is damaged, or could run code.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise _no_checkpoint(path, one_line(error)) from None
    archived = zipfile.is_zipfile(path)
    found = _reading(
        path, lambda: torch.load(path, map_location="cpu", weights_only=True, mmap=archived)
    )
    weights = _tensors_of(found)
    if not weights:
        raise ShapescopeError(f"{display_path(path)} holds no weights; save model.state_dict()")
    return weights


def _tensors_of(found: Any) -> dict[str, Tensor]:
    if not isinstance(found, Mapping):
        return {}
    for name in _WRAPPERS:
        inner = _tensors_of(found.get(name))
        if inner:
            return inner
    own = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    if own:
        return own
    # Several models side by side, `generator` and `discriminator`: each under its name.
    return {
        f"{name}.{inner}": tensor
        for name, value in found.items()
        if not any(word in str(name).lower() for word in _NO_MODELS)
        for inner, tensor in _tensors_of(value).items()
    }


def _archive_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []


def _reading(path: Path, read: Callable[[], Any]) -> Any:
    """Read a file, and say in one line why that is not possible."""
    try:
        with warnings.catch_warnings(), _weights_only(), _silent_log():
            # That TorchScript is going away is no news to whoever has such a file.
            # Nor are the protocol of a pickle and other remarks of torch's about the file.
            warnings.simplefilter("ignore")
            return read()
    except pickle.UnpicklingError as error:
        if "Weights only load failed" in str(error) and _would_run_code(path, str(error)):
            raise ShapescopeError(
                f"{display_path(path)} holds pickled objects, which could run code when loaded: "
                "refused; save model.state_dict() instead"
            ) from None
        raise _no_checkpoint(path, "") from None
    except Exception as error:  # noqa: BLE001  # readers of damaged files fail in any way
        raise _no_checkpoint(path, "" if isinstance(error, KeyError) else one_line(error)) from None


@contextmanager
def _weights_only() -> Iterator[None]:
    """Let torch unpickle nothing that could run code, also where it would by itself.

    `torch.export.load` falls back on plain pickles for the example inputs and the weights of a
    program; this variable overrules it.
    """
    before = os.environ.get(_ONLY_WEIGHTS)
    os.environ[_ONLY_WEIGHTS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ONLY_WEIGHTS]
        else:
            os.environ[_ONLY_WEIGHTS] = before


@contextmanager
def _silent_log() -> Iterator[None]:
    """Keep torch's tracebacks of a file it cannot read out of the terminal; one line says why."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _would_run_code(path: Path, refusal: str) -> bool:
    """Whether torch refused a file for what it names, not because it is damaged."""
    return zipfile.is_zipfile(path) or "GLOBAL" in refusal or _names_objects(path)


def _names_objects(path: Path) -> bool:
    """Whether a whole pickle names functions or classes; it is read, not run."""
    try:
        with path.open("rb") as file:
            found = {operation.name for operation, _, _ in pickletools.genops(file)}
    except (ValueError, OSError):
        return False
    return not found.isdisjoint(("GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"))


def _no_checkpoint(path: Path, reason: str) -> ShapescopeError:
    why = f" ({reason})" if reason else ""
    return ShapescopeError(
        f"{display_path(path)} is damaged, or no saved model or checkpoint{why}; save it again"
    )


def _as_module(exported: nn.Module) -> nn.Module:
    module = real_copy(exported)
    # An exported module refuses eval(): its mode was fixed when it was exported.
    module.__dict__["eval"] = lambda: module
    module.__dict__["train"] = lambda mode=True: module
    module.training = False
    return module


def _example_inputs(example: Any) -> tuple[InputSpec, ...]:
    """Specs of the inputs a program was exported with; () where they are more than tensors."""
    if not example:
        return ()
    args, kwargs = example
    named = [(None, value) for value in args] + list(kwargs.items())
    if not all(isinstance(value, Tensor) for _, value in named):
        return ()
    return tuple(
        InputSpec(tuple(value.shape), str(value.dtype).removeprefix("torch."), name)
        for name, value in named
    )
