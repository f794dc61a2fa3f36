"""TensorBoard events, for those who ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shapescope.diagnostic import ShapescopeError


class EventWriter:
    """Writes the lines of ``metrics.jsonl`` as TensorBoard scalars into a run's folder."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ShapescopeError(
                "--tensorboard needs the package tensorboard: pip install 'shapescope[tensorboard]'"
            ) from error
        self._writer: Any = SummaryWriter(str(folder))

    def add(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write loss, accuracy and speed of an epoch."""
        for line in lines:
            for name in ("loss", "top1_accuracy", "images_per_second"):
                self._writer.add_scalar(f"{name}/{line['split']}", line[name], line["epoch"])

    def close(self) -> None:
        """Write out what is held back."""
        self._writer.close()
