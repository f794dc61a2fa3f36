"""SVG: valid, escaped, the same from run to run, told to readers who cannot see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.attrs import ModuleAttrs
from shapescope.render.drawing import draw, scene_to_svg
from shapescope.render.drawing.palette import KINDS, THEMES
from shapescope.render.drawing.scene import Group, Scene, Text, framed
from shapescope.render.drawing.svg import _number
from shapescope.trace import Step, TensorSpec, Trace, verify

SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).parents[2]


def named(name: str) -> Trace:
    """A model whose module is called so."""
    given_, made = TensorSpec((1, 3, 8, 8), name="x"), TensorSpec((1, 3, 8, 8))
    steps = (
        Step(0, "", "module", "module", None, (), (given_,), (made,), ModuleAttrs("Net")),
        Step(1, name, "conv_like", "module", 0, (), (given_,), (made,)),
        Step(2, name, "module", "module", 0, (1,), (made,), (made,), ModuleAttrs(name or "Block")),
        Step(3, f"{name}.one", "relu", "module", 2, (1,), (made,), (made,)),
        Step(4, f"{name}.two", "sigmoid", "module", 2, (1,), (made,), (made,)),
        Step(5, "", "add", "function", 2, (3, 4), (made, made), (made,)),
    )
    trace = Trace(name or "Net", "meta", (given_,), steps, (made,))
    verify(trace)
    return trace


@settings(deadline=None)
@given(st.text(max_size=30))
def test_every_name_makes_a_valid_picture(name: str) -> None:
    for style in ("auto", "graph"):
        root = ElementTree.fromstring(scene_to_svg(draw(named(name), style)))
        assert root.tag == f"{SVG}svg"
        assert {node.tag for node in root.iter()} <= {
            SVG + tag for tag in ("svg", "title", "desc", "g", "path", "rect", "text")
        }


@pytest.mark.parametrize(
    "name", ["<script>", "a&b", "]]>", '"quoted"', "it's", "\x00\x1b[31m", "😀"]
)
def test_names_are_text(name: str) -> None:
    svg = scene_to_svg(draw(named(name), "graph"))
    assert "<script" not in svg
    assert "\x1b" not in svg
    texts = "".join(ElementTree.fromstring(svg).itertext())
    shown = name if name.isprintable() else name.encode("unicode_escape").decode()
    assert shown in texts


def test_a_picture_has_a_title_and_a_description(trace_of: Callable[..., Trace]) -> None:
    root = ElementTree.fromstring(scene_to_svg(draw(trace_of("lenet5"))))
    title, described = root.findall(f"{SVG}title")[0], root.findall(f"{SVG}desc")[0]
    assert title.text == "Architecture of lenet5"
    assert described.text is not None
    assert described.text.startswith(
        "Feature maps from left to right: input 1 @ 32 x 32; "
        "5 x 5 conv, batch norm, relu to 6 @ 28 x 28; 2 x 2 max pool to 6 @ 14 x 14;"
    )
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {described.attrib['id']}"


def test_steps_can_be_found_in_the_picture(trace_of: Callable[..., Trace]) -> None:
    trace = trace_of("lenet5")
    root = ElementTree.fromstring(scene_to_svg(draw(trace)))
    groups = {
        int(group.attrib["data-step"]): group
        for group in root.iter(f"{SVG}g")
        if "data-step" in group.attrib
    }
    conv = next(step for step in trace.steps if step.path == "layer1.0")
    told = groups[conv.index].find(f"{SVG}title")
    assert told is not None
    assert told.text == "layer1.0: 5 x 5 conv, batch norm, relu: 1 x 6 x 28 x 28"


SCRIPT = """
from shapescope.session import Request, run_trace
from shapescope.render.drawing import draw, scene_to_svg
from shapescope.render.mermaid import trace_to_mermaid
trace = run_trace(Request("network")).trace
for style in ("maps", "graph"):
    print(scene_to_svg(draw(trace, style)))
print(trace_to_mermaid(trace))
"""


def test_pictures_are_the_same_in_every_run() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            check=True,
            cwd=ROOT,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 10_000


def test_two_pictures_on_one_page_share_no_name(trace_of: Callable[..., Trace]) -> None:
    names = set()
    for model in ("lenet5", "network"):
        for theme in ("light", "dark", "page"):
            root = ElementTree.fromstring(scene_to_svg(draw(trace_of(model)), theme))
            names |= {node.attrib["id"] for node in root.iter() if "id" in node.attrib}
    assert len(names) == 2 * 3 * 2


def test_themes_differ_in_colours_alone(trace_of: Callable[..., Trace]) -> None:
    scene = draw(trace_of("lenet5"))
    light, dark = scene_to_svg(scene), scene_to_svg(scene, "dark")
    assert THEMES["light"]["paper"] in light
    assert THEMES["dark"]["paper"] in dark

    def places(svg: str) -> list[tuple[str, str | None, str | None]]:
        nodes = ElementTree.fromstring(svg).iter()
        return [(node.tag, node.attrib.get("x"), node.attrib.get("d")) for node in nodes]

    assert places(light) == places(dark)


def test_the_picture_of_a_page_takes_the_colours_of_the_page(
    trace_of: Callable[..., Trace],
) -> None:
    svg = scene_to_svg(draw(trace_of("lenet5")), "page")
    assert "#" not in svg.replace("&#", "")
    assert "var(--draw-conv)" in svg
    assert " width=" not in svg.partition(">")[0]


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_can_be_read_on_every_ground(theme: str) -> None:
    colours = THEMES[theme]
    grounds = ["paper", "cluster", "failure-fill", *KINDS]
    for ground in grounds:
        assert contrast(colours["text"], colours[ground]) >= 7, ground
    for role in ("faint", "field", "failure"):
        assert contrast(colours[role], colours["paper"]) >= 4.5, role
    for kind in KINDS:
        assert contrast(colours[f"{kind}-line"], colours["paper"]) >= 3, kind


def _as_seen(colour: str, lost: str) -> tuple[float, float, float]:
    """A colour as people without one kind of cones see it (Vienot et al., 1999, simplified)."""
    r, g, b = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    if lost == "red":
        r, g = 0.11238 * r + 0.88762 * g, 0.11238 * r + 0.88762 * g
    elif lost == "green":
        r, g = 0.29275 * r + 0.70725 * g, 0.29275 * r + 0.70725 * g
    return r, g, b


@pytest.mark.parametrize("lost", ["red", "green"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_main_kinds_are_told_apart_without_red_or_green(theme: str, lost: str) -> None:
    seen = {
        kind: _as_seen(THEMES[theme][f"{kind}-line"], lost) for kind in ("conv", "pool", "dense")
    }
    for one in seen:
        for other in seen:
            if one < other:
                distance = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True))
                assert distance**0.5 > 0.2, (one, other)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_numbers_are_short_and_plain(value: float) -> None:
    text = _number(value)
    assert abs(float(text) - value) <= 0.005 + 1e-9
    assert "e" not in text
    assert text != "-0"


def test_a_frame_holds_everything_in_it() -> None:
    scene = framed([Group((Text(500, -300, "far away"),), 3, "label")], "title", "")
    assert scene.box.holds(next(scene.texts()).box)
    assert isinstance(scene, Scene)
    assert replace(scene, width=10) != scene
