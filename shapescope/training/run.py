"""The folder of a run: what is in it and how it is read and written."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapescope.diagnostic import ShapescopeError
from shapescope.training.files import remove_parts, write_atomically

SCHEMA = "shapescope.run/1"


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder.

    ``config.json`` says what is trained and how, ``metrics.jsonl`` has a line per epoch and split,
    ``last.pt`` goes on where the run stopped, ``best.pt`` has the weights that tested best.
    """

    folder: Path

    @property
    def config_path(self) -> Path:
        """What is trained, on what, how, and with which versions."""
        return self.folder / "config.json"

    @property
    def metrics_path(self) -> Path:
        """A line per epoch and split."""
        return self.folder / "metrics.jsonl"

    @property
    def last_path(self) -> Path:
        """The newest checkpoint."""
        return self.folder / "last.pt"

    @property
    def best_path(self) -> Path:
        """The weights that did best on the test (or validation) images."""
        return self.folder / "best.pt"

    @property
    def curves_path(self) -> Path:
        """Loss and accuracy over epochs, as a picture."""
        return self.folder / "curves.png"

    @property
    def confusion_path(self) -> Path:
        """The confusion matrix of the test images, as a picture."""
        return self.folder / "confusion.png"

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.config_path.is_file()

    def refuse_used(self) -> None:
        """Refuse a folder for a new run that has one already, or that cannot be made.

        Raises:
            ShapescopeError: it has, or it cannot.
        """
        nearest = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        if not nearest.is_dir():
            raise ShapescopeError(f"{self.folder} cannot be made: {nearest} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise ShapescopeError(f"{self.folder} cannot be made: {nearest} is not writable")
        if self.exists:
            raise ShapescopeError(
                f"{self.folder} already holds a run: go on with it by "
                f"--resume {shlex.quote(str(self.folder))}, or choose another --out"
            )

    def create(self, config: Mapping[str, Any]) -> None:
        """Make the folder and record what will be trained.

        Raises:
            ShapescopeError: there is a run in it already, or it cannot be written.
        """
        self.refuse_used()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ShapescopeError(
                f"{self.folder} cannot be made: {error.strerror or error}"
            ) from error
        self.write_config(config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Record what is trained."""
        text = json.dumps({"schema": SCHEMA, **config}, indent=2, ensure_ascii=False) + "\n"
        self.write(self.config_path, text.encode())

    def record_anew(self, epochs: int, data_dir: str | None) -> None:
        """Record what a run that goes on was asked anew, so that the next resume asks it too.

        Args:
            epochs: how many there are to be in all.
            data_dir: where the images are now.
        """
        config = self.config()
        recipe = {**config["recipe"], "epochs": epochs}
        data = {**config["data"], "data_dir": data_dir}
        if (recipe, data) != (config["recipe"], config["data"]):
            self.write_config({**config, "recipe": recipe, "data": data})

    def write_metrics(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write every line so far; the whole file is replaced at once, so none is ever cut.

        A loss that is no number any more is written by its name: ``"nan"``, ``"inf"``.
        """
        from shapescope.render.json import finite

        text = "".join(json.dumps(finite(line), allow_nan=False) + "\n" for line in lines)
        self.write(self.metrics_path, text.encode())

    def write(self, path: Path, content: bytes) -> None:
        """Write one file of the run whole or not at all.

        Raises:
            ShapescopeError: the disk is full or not writable.
        """
        try:
            write_atomically(path, content)
        except OSError as error:
            raise ShapescopeError(
                f"{path} cannot be written: {error.strerror or error}; what the run had saved "
                "before is intact"
            ) from error

    def config(self) -> dict[str, Any]:
        """Return what ``create`` recorded.

        Raises:
            ShapescopeError: there is no run here, or its config is damaged.
        """
        try:
            content = json.loads(self.config_path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ShapescopeError(f"{self.folder} holds no run: config.json is missing") from error
        except (OSError, ValueError) as error:
            raise ShapescopeError(f"{self.config_path} is damaged: {error}") from error
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise ShapescopeError(f"{self.config_path} is no record of a run of this version")
        return content

    def metrics(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl``; none before the first epoch is done."""
        try:
            text = self.metrics_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        try:
            lines = [json.loads(line) for line in text.splitlines()]
            return [{name: _number(value) for name, value in line.items()} for line in lines]
        except (ValueError, AttributeError) as error:  # no JSON, or a line that is no object
            raise ShapescopeError(f"{self.metrics_path} is damaged: {error}") from error

    def _repr_html_(self) -> str:
        from shapescope.render.notebook import run_to_html

        return run_to_html(f"{self.config().get('model', 'run')}: {self.folder}", self.metrics())

    def clean(self) -> None:
        """Remove half-written files that a killed program left."""
        remove_parts(self.folder)


def _number(value: Any) -> Any:
    """A value of ``metrics.jsonl``, with what stands there by name as the number it is."""
    return float(value) if value in ("nan", "inf", "-inf") else value
