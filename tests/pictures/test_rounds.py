"""Long levels of a figure: rounds of a loop are one frame, runs of small steps one box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shapescope.render.drawing import draw
from shapescope.render.drawing.folding import Item
from shapescope.render.drawing.tree import BUDGET, tree_of
from shapescope.render.drawing.units import unit_graph
from shapescope.trace import Trace

ROUNDS = Path(__file__).parents[1] / "models" / "pictures" / "rounds.py"
TraceOf = Callable[..., Trace]


def words_of(trace: Trace) -> list[str]:
    return [text.content for text in draw(trace, "graph").texts()]


def shown(item: Item) -> int:
    return 1 if not item.opened else sum(shown(child) for child in item.children)


def all_items(item: Item) -> list[Item]:
    return [item, *(one for child in item.children for one in all_items(child))]


def test_a_cell_called_step_by_step_is_one_frame(trace_of: TraceOf) -> None:
    trace = trace_of(f"{ROUNDS}:Unrolled", "2,30,8")
    frames = [item for item in all_items(tree_of(unit_graph(trace)).root) if item.times > 1]
    assert len(frames) == 1
    assert frames[0].name == "repeated"
    assert frames[0].times >= 29  # the first round starts from zeros, so it may look different
    assert len(words_of(trace)) < 40


def test_a_short_loop_is_drawn_whole(trace_of: TraceOf) -> None:
    words = words_of(trace_of(f"{ROUNDS}:Unrolled", "2,3,8"))
    assert not any(word.startswith("repeated") for word in words)
    assert words.count("linear") == 3


def test_branches_side_by_side_are_no_rounds(trace_of: TraceOf) -> None:
    words = words_of(trace_of(f"{ROUNDS}:Twins", "1,3,16,16"))
    assert words.count("3 x 3 conv") == 10
    assert not any(word.startswith("repeated") for word in words)


def test_a_run_of_small_steps_is_one_box(trace_of: TraceOf) -> None:
    trace = trace_of(f"{ROUNDS}:Tail", "2,8")
    words = words_of(trace)
    small = [word for word in words if word.endswith(" steps")]
    leaves = [step for step in trace.steps if not step.is_composite]
    assert small == [f"{len(leaves) - 1} steps"]
    assert "linear" in words


def test_a_step_that_fails_is_not_hidden_in_a_run(trace_of: TraceOf) -> None:
    words = words_of(trace_of(f"{ROUNDS}:Tail(fails=True)", "2,8"))
    assert "fails here" in words
    assert any(word.endswith(" steps") for word in words)


@pytest.mark.parametrize("model", ["maskrcnn_resnet50_fpn", "raft_small"])
def test_what_a_large_model_computes_on_boxes_does_not_hide_it(
    model: str, trace_of: TraceOf
) -> None:
    pytest.importorskip("torchvision")
    graph = unit_graph(trace_of(f"torchvision:{model}"))
    tree = tree_of(graph)
    assert shown(tree.root) <= BUDGET
    assert any(item.sealed for item in all_items(tree.root))
    for source, target in tree.edges:
        assert source < target
