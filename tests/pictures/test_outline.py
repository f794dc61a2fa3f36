"""What a figure shows of a model: units, stages, bars of a U, folded repeats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shapescope.diagnostic import ShapescopeError
from shapescope.render.drawing import draw
from shapescope.render.drawing.bars import bars_of
from shapescope.render.drawing.folding import Item
from shapescope.render.drawing.stages import Stage, is_chain, stages_of
from shapescope.render.drawing.tree import BUDGET, tree_of
from shapescope.render.drawing.units import unit_graph
from shapescope.trace import Trace

MODELS = Path(__file__).parents[1] / "models" / "pictures" / "unet.py"
UNET = (f"{MODELS}:UNet", "1,3,64,64")
RESIDUAL = (f"{MODELS}:Residual", "1,3,32,32")
TORCHVISION = ("resnet50", "densenet121", "googlenet", "vit_b_16", "mobilenet_v3_large", "swin_t")

TraceOf = Callable[..., Trace]


def stages(trace: Trace) -> tuple[Stage, ...]:
    found = stages_of(trace)
    assert found is not None
    return found


def shown(item: Item) -> int:
    return 1 if not item.opened else sum(shown(child) for child in item.children)


def all_items(item: Item) -> list[Item]:
    return [item, *(one for child in item.children for one in all_items(child))]


# --- units


@pytest.mark.parametrize("model", [*TORCHVISION, "lenet5", "network"])
def test_every_step_of_weight_is_in_one_unit(model: str, trace_of: TraceOf) -> None:
    if model in TORCHVISION:
        pytest.importorskip("torchvision")
    trace = trace_of(f"torchvision:{model}" if model in TORCHVISION else model)
    graph = unit_graph(trace)
    inside = [step.index for unit in graph.units for step in unit.steps]
    assert len(inside) == len(set(inside))
    assert all(graph.of_step[index] is not None for index in inside)
    # What is computed from parameters alone (a class token, a position bias) is no picture.
    weighty = {step.index for step in trace.leaves if step.params and step.kind == "module"}
    assert weighty <= set(inside)
    for unit in graph.units:
        assert all(source < unit.number for source in unit.sources)


def test_a_norm_and_a_relu_join_their_convolution(trace_of: TraceOf) -> None:
    units = unit_graph(trace_of("lenet5")).units
    assert [unit.words for unit in units] == [
        "5 x 5 conv, batch norm, relu",
        "2 x 2 max pool",
        "5 x 5 conv, batch norm, relu",
        "2 x 2 max pool",
        "flatten",
        "linear, relu",
        "linear, relu",
        "linear",
    ]
    assert [unit.size for unit in units][:2] == ["6 @ 28 x 28", "6 @ 14 x 14"]


def test_functions_are_drawn_like_modules(trace_of: TraceOf) -> None:
    units = unit_graph(trace_of("network")).units
    assert [unit.kind for unit in units] == [
        "conv", "pool", "conv", "pool", "reshape", "dense", "dense", "dense",
    ]  # fmt: skip
    assert units[1].main.kind == "function"


# --- stages


def test_the_row_of_the_document(trace_of: TraceOf) -> None:
    row = stages(trace_of("network"))
    sizes = [(one.channels, *one.spatial) for one in row]
    assert sizes == [
        (1, 28, 28), (6, 24, 24), (6, 12, 12), (12, 8, 8), (12, 4, 4), (192,), (120,), (60,), (10,),
    ]  # fmt: skip
    assert [len(one.windows) for one in row] == [0, 2, 2, 2, 2, 0, 0, 0, 0]
    assert is_chain(trace_of("network"))


def test_repeated_blocks_are_counted(trace_of: TraceOf) -> None:
    pytest.importorskip("torchvision")
    blocks = [one for one in stages(trace_of("torchvision:resnet50")) if one.kind == "block"]
    assert [(one.head, one.times, one.channels) for one in blocks] == [
        ("Bottleneck", 3, 256),
        ("Bottleneck", 4, 512),
        ("Bottleneck", 6, 1024),
        ("Bottleneck", 3, 2048),
    ]
    convs = [one for one in stages(trace_of("torchvision:vgg16")) if one.kind == "conv"]
    assert [one.times for one in convs] == [2, 2, 3, 3, 3]


def test_a_block_without_a_way_around_is_a_block(trace_of: TraceOf) -> None:
    pytest.importorskip("torchvision")
    row = stages(trace_of("torchvision:mobilenet_v2"))
    assert sum(one.times for one in row if one.head == "InvertedResidual") == 17


def test_a_failed_step_is_the_last_stage(trace_of: TraceOf) -> None:
    row = stages(trace_of("lenet5", "1,1,28,28"))
    assert row[-1].failed
    assert row[-1].path == "fc"
    assert not any(one.failed for one in row[:-1])


def test_rows_of_features_are_no_maps(trace_of: TraceOf) -> None:
    row = stages(trace_of(f"{MODELS}:Rows", "2,5,8"))
    assert [one.rank for one in row] == [0, 0, 0, 0]
    texts = {text.content for text in draw(trace_of(f"{MODELS}:Rows", "2,5,8")).texts()}
    assert "5 x 16" in texts  # a graph, for a row would have nothing to draw to scale


# --- trees


@pytest.mark.parametrize("model", TORCHVISION)
def test_a_tree_holds_its_budget_and_loses_no_unit(model: str, trace_of: TraceOf) -> None:
    pytest.importorskip("torchvision")
    graph = unit_graph(trace_of(f"torchvision:{model}"))
    tree = tree_of(graph)
    assert shown(tree.root) <= BUDGET
    drawn = {unit.number for unit in tree.root.units()}
    for source, target in tree.edges:
        assert source < target
        assert {source, target} <= drawn


def test_residual_blocks_are_folded(trace_of: TraceOf) -> None:
    tree = tree_of(unit_graph(trace_of(*RESIDUAL)))
    blocks = [item for item in all_items(tree.root) if item.step is not None]
    assert [(item.step.class_name, item.times) for item in blocks if item.step] == [("Block", 4)]
    texts = [text.content for text in draw(trace_of(*RESIDUAL)).texts()]
    assert "Block x 4" in texts
    assert texts.count("3 x 3 conv") == 3  # the stem, and the two of the block that is shown


def test_one_module_called_often_is_folded(trace_of: TraceOf) -> None:
    texts = [
        text.content for text in draw(trace_of(f"{MODELS}:Repeated", "1,4,8,8"), "graph").texts()
    ]
    assert "3 x 3 conv x 5" in texts


def test_dense_layers_with_growing_inputs_are_folded(trace_of: TraceOf) -> None:
    pytest.importorskip("torchvision")
    texts = {text.content for text in draw(trace_of("torchvision:densenet121")).texts()}
    assert {f"_DenseLayer x {times}" for times in (6, 12, 24, 16)} <= texts


def test_branches_from_two_inputs_are_drawn(trace_of: TraceOf) -> None:
    texts = [text.content for text in draw(trace_of(f"{MODELS}:Parallel", "2,4", "2,6")).texts()]
    assert {"input a", "input b", "concat"} <= set(texts)


# --- the U


def test_a_unet_is_drawn_as_a_u(trace_of: TraceOf) -> None:
    bars = bars_of(unit_graph(trace_of(*UNET)))
    assert bars is not None
    levels = [bar.level for bar in bars]
    assert levels == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0, 0]
    across = [(bars[bar.copied_from].shape, bar.shape) for bar in bars if bar.copied_from]
    assert [(one[1], two[1]) for one, two in across] == [(32, 64), (16, 32), (8, 16)]
    texts = [text.content for text in draw(trace_of(*UNET)).texts()]
    assert {"32 + 32", "16 + 16", "8 + 8", "copy and concat", "2 x 2 up-conv, stride 2"} <= set(
        texts
    )


def test_skips_of_a_u_run_between_maps_of_one_size(trace_of: TraceOf) -> None:
    bars = bars_of(unit_graph(trace_of(*UNET)))
    assert bars is not None
    for bar in bars:
        if bar.copied_from is not None:
            assert bars[bar.copied_from].shape[2:] == bar.shape[2:]


@pytest.mark.parametrize(
    ("model", "given"),
    [("lenet5", ()), (RESIDUAL[0], RESIDUAL[1:]), (f"{MODELS}:Autoencoder", ("1,1,28,28",))],
)
def test_other_models_are_no_u(model: str, given: tuple[str, ...], trace_of: TraceOf) -> None:
    assert bars_of(unit_graph(trace_of(model, *given))) is None


def test_an_autoencoder_is_a_row_of_maps(trace_of: TraceOf) -> None:
    row = stages(trace_of(f"{MODELS}:Autoencoder", "1,1,28,28"))
    assert [one.spatial for one in row] == [(28, 28), (14, 14), (7, 7), (14, 14), (28, 28)]
    assert [one.kind for one in row[-2:]] == ["resize", "resize"]


# --- the choice


def test_maps_of_a_model_without_a_row_are_refused(trace_of: TraceOf) -> None:
    with pytest.raises(ShapescopeError, match="no row of feature maps"):
        draw(trace_of(f"{MODELS}:Parallel", "2,4", "2,6"), "maps")
    with pytest.raises(ShapescopeError, match="no style `cubes`"):
        draw(trace_of("lenet5"), "cubes")


def test_a_model_without_steps_has_a_picture_that_says_so() -> None:
    scene = draw(Trace("Nothing", "meta", (), (), ()))
    assert "no step was traced" in [text.content for text in scene.texts()]


def test_the_figures_stand_above(trace_of: TraceOf) -> None:
    texts = [text.content for text in draw(trace_of("lenet5")).texts()]
    assert texts[:2] == [
        "lenet5",
        "input 1 x 1 x 32 x 32 · output 1 x 10 · 61.8 k params · 417 k MACs",
    ]
    bare = [text.content for text in draw(trace_of("lenet5"), heading=False).texts()]
    assert "lenet5" not in bare
