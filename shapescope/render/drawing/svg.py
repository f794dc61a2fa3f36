"""A scene as SVG: valid XML, everything escaped, the same bytes from run to run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from shapescope.render.drawing.palette import THEMES, variables
from shapescope.render.drawing.scene import Group, Item, Outline, Scene, Text
from shapescope.render.shapes import printable

FONTS = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"


def scene_to_svg(scene: Scene, theme: str = "light") -> str:
    """The picture as a file of its own.

    `theme` is `light`, `dark`, or `page`: then colours are the variables `--draw-ROLE` of the page
    that holds it, there is no background, and the width follows the page.
    """
    colours = variables() if theme == "page" else THEMES[theme]
    width, height = _number(scene.width), _number(scene.height)
    name = _identity(scene, theme)
    size = "" if theme == "page" else f' width="{width}" height="{height}"'
    named = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg"{size} viewBox="0 0 {width} {height}" {named}'
    parts = [
        f"{head} font-family={quoteattr(FONTS)}>",
        f'<title id="{name}-title">{_text(scene.title)}</title>',
        f'<desc id="{name}-desc">{_text(scene.description)}</desc>',
    ]
    if theme != "page":
        parts.append(f'<rect width="100%" height="100%" fill="{colours["paper"]}"/>')
    parts.extend(_items(scene.items, colours))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _identity(scene: Scene, theme: str) -> str:
    """A name that two pictures on one page do not share, and that is the same in every run."""
    digest = hashlib.sha256(repr((scene, theme)).encode("utf-8", "backslashreplace"))
    return "d" + digest.hexdigest()[:10]


def _items(items: Iterable[Item], colours: Mapping[str, str]) -> Iterable[str]:
    for item in items:
        match item:
            case Group():
                step = "" if item.step is None else f' data-step="{item.step}"'
                yield f"<g{step}>"
                if item.label:
                    yield f"<title>{_text(item.label)}</title>"
                yield from _items(item.items, colours)
                yield "</g>"
            case Outline():
                yield _outline(item, colours)
            case Text():
                yield _line_of_text(item, colours)


def _outline(item: Outline, colours: Mapping[str, str]) -> str:
    fill = "none" if item.fill is None else colours[item.fill]
    look = f'fill="{fill}"'
    if item.stroke is not None:
        look += f' stroke="{colours[item.stroke]}"'
        if item.width != 1:
            look += f' stroke-width="{_number(item.width)}"'
        if item.dash:
            look += f' stroke-dasharray="{" ".join(map(_number, item.dash))}"'
        look += ' stroke-linejoin="round"'
    if item.opacity != 1:
        look += f' opacity="{_number(item.opacity)}"'
    if item.radius:
        box = item.box
        place = (
            f'x="{_number(box.left)}" y="{_number(box.top)}" '
            f'width="{_number(box.width)}" height="{_number(box.height)}"'
        )
        return f'<rect {place} rx="{_number(item.radius)}" {look}/>'
    path = "".join(name + " ".join(map(_number, values)) for name, values in item.commands)
    return f'<path d="{path}" {look}/>'


def _line_of_text(item: Text, colours: Mapping[str, str]) -> str:
    x, y = _number(item.x), _number(item.y)
    look = f'font-size="{_number(item.size)}" fill="{colours[item.role]}"'
    if item.anchor != "start":
        look += f' text-anchor="{item.anchor}"'
    if item.bold:
        look += ' font-weight="bold"'
    if item.upward:
        look += f' transform="rotate(-90 {x} {y})"'
    return f'<text x="{x}" y="{y}" {look}>{_text(item.content)}</text>'


def _text(text: str) -> str:
    """The text as XML holds it; control characters, which it cannot hold, are shown as escapes."""
    return escape(printable(text))


def _number(value: float) -> str:
    """At most two decimals, no `-0`, no exponent."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
