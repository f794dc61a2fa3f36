"""Pictures for files: curves of a run, confusion matrices, grids of images."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from shapescope.render.images import Picture

_COLOURS = {"train": "#4477aa", "test": "#cc6677", "validation": "#999933"}
_DOTS = 120


def _figure(width: float, height: float) -> Any:
    """Return an empty figure of so many inches; no window is ever opened."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _encoded(figure: Any, form: str) -> bytes:
    buffer = io.BytesIO()
    options = {"metadata": {"Date": None}} if form == "svg" else {"dpi": _DOTS}
    figure.savefig(buffer, format=form, **options)
    return buffer.getvalue()


def curves(metrics: Sequence[Mapping[str, Any]], title: str, form: str = "png") -> bytes:
    """Draw loss and accuracy over epochs, a line per split.

    Args:
        metrics: the lines of ``metrics.jsonl``.
        title: above the picture.
        form: ``png`` or ``svg``.
    """
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    for split in dict.fromkeys(line["split"] for line in metrics):
        own = [line for line in metrics if line["split"] == split]
        epochs = [line["epoch"] for line in own]
        colour = _COLOURS.get(split, "#666666")
        style = {"marker": "o", "markersize": 3, "color": colour, "label": split}
        left.plot(epochs, [line["loss"] for line in own], **style)
        right.plot(epochs, [100 * line["top1_accuracy"] for line in own], **style)
    every = [line["epoch"] for line in metrics] or [0]
    beside = 0.05 * (max(every) - min(every)) or 0.5
    for axes, name in ((left, "loss"), (right, "top-1 accuracy, %")):
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.grid(visible=True, alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        # also of epochs whose loss is no number any more
        axes.set_xlim(min(every) - beside, max(every) + beside)
        if metrics:
            axes.legend(frameon=False)
    figure.suptitle(title)
    return _encoded(figure, form)


def confusion(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str, form: str = "png"
) -> bytes:
    """Draw a confusion matrix: rows are actual classes, columns predicted ones.

    Colours show the share of a row, so that rare classes are seen too; cells show counts.

    Args:
        matrix: counts.
        classes: names by number.
        title: above the picture.
        form: ``png`` or ``svg``.
    """
    count = len(matrix)
    side = max(4.5, 0.55 * count + 2)
    figure = _figure(side + 1, side)
    axes = figure.subplots()
    shares = [[value / max(sum(row), 1) for value in row] for row in matrix]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the actual class")
    axes.set_xticks(range(count), labels=classes, rotation=45, ha="right")
    axes.set_yticks(range(count), labels=classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    axes.set_title(title)
    if count <= 30:
        for row, values in enumerate(matrix):
            for column, value in enumerate(values):
                if value:
                    colour = "white" if shares[row][column] > 0.5 else "black"
                    axes.text(
                        column, row, str(value), ha="center", va="center", color=colour, fontsize=8
                    )
    return _encoded(figure, form)


def grid(
    pictures: Sequence[Picture], titles: Sequence[str], columns: int = 10, form: str = "png"
) -> bytes:
    """Draw pictures in rows, each with its title.

    Args:
        pictures: what to draw.
        titles: one each.
        columns: pictures in a row.
        form: ``png`` or ``svg``.
    """
    across = min(columns, len(pictures))
    rows = -(-len(pictures) // across)
    figure = _figure(1.2 * across, 1.4 * rows)
    cells = figure.subplots(rows, across, squeeze=False)
    for axes in cells.flat:
        axes.set_axis_off()
    for axes, picture, title in zip(cells.flat, pictures, titles, strict=False):
        axes.imshow(_rows(picture), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=7)
    return _encoded(figure, form)


def _rows(picture: Picture) -> list[list[Any]]:
    """Return pixels row by row, as matplotlib takes them: a number, or red, green and blue."""
    if picture.channels == 1:
        width = picture.width
        return [
            list(picture.values[row * width : (row + 1) * width]) for row in range(picture.height)
        ]
    return [
        [picture.pixel(row, column) for column in range(picture.width)]
        for row in range(picture.height)
    ]
