"""Rules for ops whose limits a row of the registry does not know."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from shapescope.analysis.sizes.search import search
from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.render.sizes_json import sizes_to_dict
from shapescope.sizing import valid_sizes

MODELS = Path(__file__).parent / "models"


def _answer(model: str, *inputs: str) -> dict[str, Any]:
    return sizes_to_dict(valid_sizes(load(f"{MODELS / 'cuts.py'}:{model}"), parse_inputs(inputs)))


def _fits(model: Any, *shapes: tuple[int, ...]) -> bool:
    try:
        made = model(*(torch.zeros(shape) for shape in shapes))
    except (RuntimeError, AssertionError):
        return False
    return bool(made.shape[0] == shapes[0][0])


def _said(found: dict[str, Any], sizes: dict[str, int]) -> bool:
    return any(
        all(
            any(a <= sizes[axis] and (b is None or sizes[axis] <= b) and not (sizes[axis] - a) % s
                for a, b, s in ranges)
            for axis, ranges in part.get("ranges", {}).items()
        )
        and all(eval(text, {"max": max, "min": min}, sizes) for text in part.get("where", []))  # noqa: S307
        for part in found["valid"]
    )  # fmt: skip


@pytest.mark.parametrize(("model", "shape"), [("Glimpses", (2, 5, 40)), ("Relative", (2, 4, 14))])
def test_one_axis(model: str, shape: tuple[int, ...]) -> None:
    found = _answer(model, ",".join(map(str, shape)))
    assert found["searched_to"] is None
    asked = {axis["name"]: shape[axis["axis"]] for axis in found["axes"]}
    last = next(axis["name"] for axis in found["axes"] if axis["axis"] == len(shape) - 1)
    module = load(f"{MODELS / 'cuts.py'}:{model}").build("cpu").module
    for size in range(1, 61):
        assert _said(found, {**asked, last: size}) == _fits(module, (*shape[:-1], size)), size


def test_what_is_written_into_a_slice_has_to_expand_to_it() -> None:
    found = _answer("Shifted", "2,3,9", "2,3,9")
    assert found["searched_to"] is None
    asked = {axis["name"]: 3 for axis in found["axes"]}
    first, second = (axis["name"] for axis in found["axes"] if axis["axis"] == 2)
    module = load(f"{MODELS / 'cuts.py'}:Shifted").build("cpu").module
    for one, two in itertools.product(range(1, 13), repeat=2):
        fits = _fits(module, (2, 3, one), (2, 3, two))
        assert _said(found, {**asked, first: one, second: two}) == fits, (one, two)


def test_a_search_does_not_take_axes_that_have_to_be_alike_for_fixed_ones() -> None:
    def alike(sizes: Any) -> bool:
        return bool(sizes["H"] == sizes["H1"])

    found = search(alike, ["H", "H1"], [{"H": 40, "H1": 40}], seconds_each=1e-4, seconds=5.0)
    assert found.last >= 40
    for size in (7, 40):
        assert any(region.contains({"H": size, "H1": size}) for region in found.regions)
    assert not any(region.contains({"H": 7, "H1": 8}) for region in found.regions)


def test_a_search_from_a_size_beyond_its_end_goes_up_to_it() -> None:
    def large(sizes: Any) -> bool:
        return bool(sizes["H"] >= 60 and sizes["W"] >= 60)

    found = search(large, ["H", "W"], [{"H": 64, "W": 64}], seconds_each=1.0, seconds=1.0)
    assert found.last >= 64
    assert any(region.contains({"H": 64, "W": 64}) for region in found.regions)


def test_sizes_that_have_to_be_alike_are_told_once() -> None:
    def alike(sizes: Any) -> bool:
        return bool(sizes["H"] == sizes["H1"])

    found = search(alike, ["H", "H1"], [{"H": 5, "H1": 5}], seconds_each=1e-3, seconds=1.0)
    (region,) = found.regions
    assert [condition.names for condition in region.coupled] == [frozenset({"H", "H1"})]
    assert region.contains({"H": 7, "H1": 7})
    assert not region.contains({"H": 7, "H1": 8})


def test_a_search_of_many_axes_ends() -> None:
    asked: list[Any] = []

    def most(sizes: Any) -> bool:
        asked.append(sizes)
        return bool(sizes["A"] + sizes["B"] + sizes["C"] + sizes["D"] + sizes["E"] < 40)

    axes = ["A", "B", "C", "D", "E"]
    start = dict.fromkeys(axes, 5)
    found = search(most, axes, [start], seconds_each=0.01, seconds=5.0)
    assert found.alone
    assert len(asked) < 1000
    assert any(region.contains({**start, "C": 19}) for region in found.regions)
    assert not any(region.contains({**start, "C": 20}) for region in found.regions)
