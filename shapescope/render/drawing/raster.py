"""A scene as PNG or PDF, drawn by matplotlib with the font that the texts were measured in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from shapescope.render.drawing.palette import THEMES
from shapescope.render.drawing.scene import Command, Outline, Scene, Text, flat

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTS_PER_INCH = 72
RETINA = 2
"""Pixels of a PNG for each pixel of the scene, so that print stays sharp."""
KAPPA = 0.5523
_CODES = {"M": (1,), "L": (2,), "C": (4, 4, 4), "Z": (79,)}


def scene_to_bytes(scene: Scene, form: str, theme: str = "light") -> bytes:
    """The picture as the content of a `png` or `pdf` file, the same bytes from run to run."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = THEMES[theme]
    settings: dict[str, Any] = {
        "font.family": "DejaVu Sans",
        "lines.scale_dashes": False,
        "pdf.fonttype": 42,
        "path.simplify": False,
    }
    with mpl.rc_context(settings):
        size = (scene.width / POINTS_PER_INCH, scene.height / POINTS_PER_INCH)
        figure = Figure(figsize=size, facecolor=colours["paper"])
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, scene.width)
        axes.set_ylim(scene.height, 0)
        axes.axis("off")
        for order, item in enumerate(flat(scene.items)):
            if isinstance(item, Text):
                _add_text(axes, item, colours, order)
            else:
                _add_outline(axes, item, colours, order)
        file = io.BytesIO()
        info: dict[str, str | None] = {"Title": scene.title}
        if form == "pdf":
            info |= {"Subject": scene.description, "CreationDate": None, "Producer": None}
        else:
            info |= {"Description": scene.description, "Software": None}
        figure.savefig(
            file,
            format=form,
            dpi=POINTS_PER_INCH * RETINA,
            facecolor=colours["paper"],
            metadata=info,
        )
    return file.getvalue()


def _add_text(axes: Any, item: Text, colours: Mapping[str, str], order: int) -> None:
    axes.text(
        item.x,
        item.y,
        item.content,
        fontsize=item.size,
        fontweight="bold" if item.bold else "normal",
        color=colours[item.role],
        ha={"start": "left", "middle": "center", "end": "right"}[item.anchor],
        va="baseline",
        rotation=90 if item.upward else 0,
        rotation_mode="anchor",
        parse_math=False,
        zorder=order,
    )


def _add_outline(axes: Any, item: Outline, colours: Mapping[str, str], order: int) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    commands = _rounded(item) if item.radius else item.commands
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for name, values in commands:
        codes.extend(_CODES[name])
        points.extend(zip(values[::2], values[1::2], strict=True) if values else [points[0]])
    axes.add_patch(
        PathPatch(
            Path(points, codes),
            facecolor="none" if item.fill is None else colours[item.fill],
            edgecolor="none" if item.stroke is None else colours[item.stroke],
            linewidth=item.width if item.stroke is not None else 0,
            linestyle=(0, item.dash) if item.dash else "-",
            joinstyle="round",
            alpha=item.opacity,
            zorder=order,
        )
    )


def _rounded(item: Outline) -> tuple[Command, ...]:
    """The rectangle with its corners rounded."""
    box, r = item.box, item.radius
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    k = r * (1 - KAPPA)
    return (
        ("M", (left + r, top)),
        ("L", (right - r, top)),
        ("C", (right - k, top, right, top + k, right, top + r)),
        ("L", (right, bottom - r)),
        ("C", (right, bottom - k, right - k, bottom, right - r, bottom)),
        ("L", (left + r, bottom)),
        ("C", (left + k, bottom, left, bottom - k, left, bottom - r)),
        ("L", (left, top + r)),
        ("C", (left, top + k, left + k, top, left + r, top)),
        ("Z", ()),
    )
