"""The layered layout: nothing overlaps, nothing is crossed, everything points down."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.render.drawing.layered import Node, Placement, layered
from shapescope.render.drawing.scene import Box
from shapescope.render.drawing.spacing import _monotone


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, Node], list[tuple[int, int]]]:
    """Nodes of any size, edges from lower to higher numbers."""
    count = draw(st.integers(1, 12))
    sizes = st.floats(4, 120)
    nodes = {number: Node(draw(sizes), draw(sizes)) for number in range(count)}
    pairs = list(combinations(range(count), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    return nodes, chosen


def boxes(nodes: dict[int, Node], placement: Placement) -> dict[int, Box]:
    found = {}
    for number, (x, y) in placement.centres.items():
        wide, high = nodes[number].width / 2, nodes[number].height / 2
        found[number] = Box(x - wide, y - high, x + wide, y + high)
    return found


@settings(deadline=None)
@given(graphs())
def test_nodes_do_not_overlap(graph: tuple[dict[int, Node], list[tuple[int, int]]]) -> None:
    nodes, edges = graph
    placed = boxes(nodes, layered(nodes, edges))
    assert placed.keys() == nodes.keys()
    for one, other in combinations(placed.values(), 2):
        assert not one.overlaps(other, 1e-6)


@settings(deadline=None)
@given(graphs())
def test_edges_point_down_and_cross_no_node(
    graph: tuple[dict[int, Node], list[tuple[int, int]]],
) -> None:
    nodes, edges = graph
    placement = layered(nodes, edges)
    placed = boxes(nodes, placement)
    for source, target in edges:
        assert placed[source].bottom <= placed[target].top + 1e-6
        route = placement.routes[source, target]
        assert all(low[1] >= high[1] - 1e-6 for high, low in pairwise(route))
        for x, y in route[1:-1]:
            for box in placed.values():
                assert not (box.left < x < box.right and box.top < y < box.bottom)


@settings(deadline=None)
@given(graphs())
def test_the_same_graph_gives_the_same_places(
    graph: tuple[dict[int, Node], list[tuple[int, int]]],
) -> None:
    nodes, edges = graph
    assert layered(nodes, edges) == layered(nodes, edges)


@settings(deadline=None)
@given(graphs())
def test_everything_is_inside(graph: tuple[dict[int, Node], list[tuple[int, int]]]) -> None:
    nodes, edges = graph
    placement = layered(nodes, edges)
    for box in boxes(nodes, placement).values():
        assert box.left >= -1e-6
        assert box.right <= placement.width + 1e-6
        assert box.bottom <= placement.height + 1e-6


def test_a_chain_is_a_straight_line() -> None:
    nodes = {number: Node(10 + 30 * (number % 3), 10) for number in range(6)}
    placement = layered(nodes, [(number, number + 1) for number in range(5)])
    assert len({round(x, 6) for x, _ in placement.centres.values()}) == 1


def test_a_way_around_leaves_the_main_path_straight() -> None:
    nodes = {number: Node(80, 20) for number in range(5)}
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]
    placement = layered(nodes, edges)
    assert len({round(x, 6) for x, _ in placement.centres.values()}) == 1
    lanes = {round(x, 6) for x, _ in placement.routes[0, 4][1:-1]}
    assert len(lanes) == 1  # the way around is straight, too
    assert abs(lanes.pop() - placement.centres[1][0]) > 40


def test_branches_of_one_length_stand_around_the_middle() -> None:
    nodes = {number: Node(40, 20) for number in range(5)}
    placement = layered(nodes, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])
    xs = [placement.centres[number][0] for number in (1, 2, 3)]
    assert sum(xs) / 3 == pytest.approx(placement.centres[0][0])
    assert placement.centres[0][0] == pytest.approx(placement.centres[4][0])


def test_ports_stand_at_the_rims() -> None:
    nodes = {number: Node(40, 20) for number in range(4)}
    placement = layered(nodes, [(0, 1), (1, 3), (2, 3)], top=[0], bottom=[3])
    assert placement.layers[0] == (0,)
    assert placement.layers[-1] == (3,)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 10)), min_size=1, max_size=8))
def test_monotone_values_are_the_nearest(goals: list[tuple[float, float]]) -> None:
    values, weights = [goal for goal, _ in goals], [weight for _, weight in goals]
    found = _monotone(values, weights)
    assert all(one <= two + 1e-9 for one, two in pairwise(found))

    def cost(places: list[float]) -> float:
        return sum(w * (x - goal) ** 2 for x, goal, w in zip(places, values, weights, strict=True))

    # no monotone shift of a tail is better: the conditions of optimality of a convex problem
    for start in range(len(found)):
        for step in (1e-3, -1e-3):
            moved = [*found[:start], *(x + step for x in found[start:])]
            if all(one <= two for one, two in pairwise(moved)):
                assert cost(found) <= cost(moved) + 1e-9
