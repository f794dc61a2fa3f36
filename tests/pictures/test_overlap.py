"""No text of a picture covers another one, leaves the picture, or leaves its box."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from xml.etree import ElementTree

import pytest

from shapescope.render.drawing import draw, scene_to_svg
from shapescope.render.drawing.scene import Box, Item, Scene, Text, flat, framed, rectangle
from shapescope.trace import Trace

DOCUMENTS = ("lenet5", "network", "lenet5-tanh", "cifar-cnn", "mnist-cnn")
TORCHVISION = (
    "alexnet",
    "vgg11",
    "vgg16",
    "vgg19_bn",
    "resnet18",
    "resnet50",
    "resnet152",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "densenet121",
    "densenet201",
    "squeezenet1_1",
    "googlenet",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mnasnet1_0",
    "shufflenet_v2_x1_0",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "regnet_y_400mf",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
    "swin_v2_t",
    "maxvit_t",
)
ELSEWHERE = ("segmentation.fcn_resnet50", "segmentation.deeplabv3_resnet50", "video.r3d_18")
STYLES = ("auto", "graph")
SLACK = 0.5
"""Pixels that two boxes may share: letters do not fill theirs."""


def boxes_of_svg(svg: str) -> Iterator[tuple[Box, str]]:
    """Every text of an SVG with the box that its letters take, from the file alone."""
    for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        text = Text(
            float(node.attrib["x"]),
            float(node.attrib["y"]),
            node.text or "",
            float(node.attrib["font-size"]),
            node.attrib.get("text-anchor", "start"),
            bold=node.attrib.get("font-weight") == "bold",
            upward="transform" in node.attrib,
        )
        yield text.box, text.content


def faults(svg: str) -> list[str]:
    """Texts that cover each other or are cut off at the edge of the picture."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    frame = Box(0, 0, width, height)
    found = list(boxes_of_svg(svg))
    wrong = [f"{text!r} is cut off" for box, text in found if not frame.holds(box)]
    for (box, text), (other, other_text) in combinations(found, 2):
        if box.overlaps(other, SLACK):
            wrong.append(f"{text!r} lies on {other_text!r}")
    return wrong


@pytest.mark.parametrize("style", ["auto", "maps", "graph"])
@pytest.mark.parametrize("model", DOCUMENTS)
def test_texts_of_document_networks_do_not_overlap(
    model: str, style: str, trace_of: Callable[..., Trace]
) -> None:
    svg = scene_to_svg(draw(trace_of(model), style))
    assert not faults(svg)
    assert len(list(boxes_of_svg(svg))) > 15


@pytest.mark.parametrize("model", [*TORCHVISION, *ELSEWHERE])
def test_texts_of_torchvision_models_do_not_overlap(
    model: str, trace_of: Callable[..., Trace]
) -> None:
    pytest.importorskip("torchvision")
    trace = trace_of(f"torchvision:{model.rpartition('.')[2]}")
    assert trace.failure is None
    for style in STYLES:
        assert not faults(scene_to_svg(draw(trace, style))), style


@pytest.mark.parametrize("model", ["vgg16", "alexnet", "resnet50", "mobilenet_v2", "resnet18"])
def test_texts_of_maps_do_not_overlap(model: str, trace_of: Callable[..., Trace]) -> None:
    pytest.importorskip("torchvision")
    assert not faults(scene_to_svg(draw(trace_of(f"torchvision:{model}"), "maps")))


def test_texts_of_a_failed_trace_do_not_overlap(trace_of: Callable[..., Trace]) -> None:
    trace = trace_of("lenet5", "1,1,28,28")
    for style in ("maps", "graph"):
        svg = scene_to_svg(draw(trace, style))
        assert not faults(svg)
        assert "fails here" in svg


@pytest.mark.parametrize("model", ["lenet5", "torchvision:resnet50"])
def test_a_picture_is_legible_at_1000_pixels(model: str, trace_of: Callable[..., Trace]) -> None:
    if ":" in model:
        pytest.importorskip("torchvision")
    scene = draw(trace_of(model))
    scale = min(1000 / scene.width, 1.0)
    sizes = [text.size * scale for text in scene.texts()]
    assert min(sizes) >= 8.0
    assert sum(size >= 9 for size in sizes) > len(sizes) / 2


def _two_texts(second: Text) -> Scene:
    items: list[Item] = [rectangle(Box(0, 0, 100, 50), "conv"), Text(20, 20, "conv", 11), second]
    return framed(items, "two texts", "")


def test_the_test_sees_an_overlap() -> None:
    assert faults(scene_to_svg(_two_texts(Text(28, 24, "pool", 11))))
    assert not faults(scene_to_svg(_two_texts(Text(70, 40, "pool", 11))))


def test_the_test_sees_a_cut_text() -> None:
    scene = _two_texts(Text(70, 40, "pool", 11))
    narrow = Scene(60, 60, scene.title, scene.description, scene.items)
    assert any("cut off" in fault for fault in faults(scene_to_svg(narrow)))


@pytest.mark.parametrize("model", ["lenet5", "network"])
def test_texts_in_boxes_stay_in_them(model: str, trace_of: Callable[..., Trace]) -> None:
    """In a graph each text of a node lies inside the rectangle painted last before it."""
    scene = draw(trace_of(model), "graph", heading=False)
    frame: Box | None = None
    inside = 0
    for item in flat(scene.items):
        if isinstance(item, Text):
            assert frame is not None
            assert frame.holds(item.box, 0.5), item.content
            inside += 1
        elif item.radius:
            frame = item.box
    assert inside > 10
