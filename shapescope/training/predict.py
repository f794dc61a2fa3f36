"""What a network says of single images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.decode import SUFFIXES, decode
from shapescope.training.datasets.pixels import Split
from shapescope.training.trained import Trained
from shapescope.training.transforms import Preparation


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One image and what the network says of it.

    Attributes:
        name: the image's file, or its place in a split.
        image: uint8, C x H x W, as it was before normalisation.
        outputs: the network's scores.
        probabilities: their softmax; they sum to 1.
        predicted: the class with the highest score.
        actual: its class, where it is known.
        file: where it lies; "" in a set whose images have no file of their own.
    """

    name: str
    image: torch.Tensor
    outputs: tuple[float, ...]
    probabilities: tuple[float, ...]
    predicted: int
    actual: int | None
    file: str = ""

    @property
    def right(self) -> bool | None:
        """Whether the prediction is right; None where the class is not known."""
        return None if self.actual is None else self.predicted == self.actual

    def to_dict(self, classes: Sequence[str]) -> dict[str, Any]:
        """Return plain values for JSON."""

        def word(number: int | None) -> str | None:
            return classes[number] if number is not None and number < len(classes) else None

        return {
            "image": self.name,
            "file": self.file,
            "outputs": list(self.outputs),
            "probabilities": list(self.probabilities),
            "predicted": self.predicted,
            "predicted_class": word(self.predicted),
            "actual": self.actual,
            "actual_class": word(self.actual),
        }


def predict_split(trained: Trained, split: Split, count: int) -> tuple[Prediction, ...]:
    """Return predictions for the first images of a split.

    Args:
        trained: the network.
        split: ``train`` or ``test`` images, of any size.
        count: how many; fewer if there are fewer.
    """
    split = trained.sized(split)
    numbers = torch.arange(min(count, len(split)))
    images = next(iter(split.pixels.read([numbers])))
    labels = [int(label) for label in split.labels[numbers]]
    prepare = trained.prepare_train if split.name == "train" else trained.prepare
    names = [f"{split.name} {number}" for number in numbers.tolist()]
    files = [split.file(number) for number in numbers.tolist()]
    return _predict(trained, prepare, images, names, labels, files)


def predict_files(
    trained: Trained, paths: Sequence[Path], *, invert: bool = False
) -> tuple[Prediction, ...]:
    """Return predictions for a user's image files, brought to the size the network takes.

    Args:
        trained: the network.
        paths: image files, or folders of them.
        invert: turn dark on light into light on dark, as MNIST has it.

    Raises:
        ShapescopeError: a file is absent or no image, or a folder holds none.
    """
    channels, height, width = trained.shape
    paths = [file for path in paths for file in _files(path)]
    images = torch.stack(
        [decode(path, str(path), channels=channels, size=(height, width)) for path in paths]
    )
    if invert:
        images = 255 - images
    names = [str(path) for path in paths]
    return _predict(trained, trained.prepare, images, names, [None] * len(paths), names)


def _files(path: Path) -> list[Path]:
    """Return the image files that a path stands for: itself, or those in a folder."""
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES)
        if not found:
            raise ShapescopeError(f"there are no images in {path}")
        return found
    if not path.is_file():
        raise ShapescopeError(f"{path} does not exist")
    return [path]


def looks_inverted(trained: Trained, prediction: Prediction) -> bool:
    """Tell whether an image is dark on light while the network knows light on dark."""
    if trained.data.dataset not in ("mnist", "fashion-mnist"):
        return False
    image = prediction.image.float()
    border = torch.cat([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], dim=1)
    return bool(border.mean() > 127)


def _predict(
    trained: Trained,
    prepare: Preparation,
    images: torch.Tensor,
    names: Sequence[str],
    labels: Sequence[int | None],
    files: Sequence[str],
) -> tuple[Prediction, ...]:
    with torch.no_grad():
        scores = trained.module.eval()(prepare(images)).float()
    probabilities = scores.softmax(1)
    known = len(trained.classes)
    return tuple(
        Prediction(
            name,
            image,
            tuple(row.tolist()),
            tuple(shares.tolist()),
            int(row[:known].argmax()),
            label,
            file,
        )
        for name, image, row, shares, label, file in zip(
            names, images, scores, probabilities, labels, files, strict=True
        )
    )
