"""What the name of an argument says about it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from shapescope.capture.inferring.entrance import TOKENS, Entrance, dtype_of
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.inputs import is_lengths

__all__ = ["EDGES", "SAMPLES", "is_of_edges", "named", "pair_of_states"]

EDGES = 32
SAMPLES = 16_000
_NODES = 16
_WIDTH_OF_PLACES = 3
_EDGE_LISTS = ("edge_index", "edges", "edge_list")
_GRAPH = (
    *_EDGE_LISTS, "adj", "adjacency", "adj_matrix", "adj_mat", "a_hat", "adj_hat", "adj_norm",
    "norm_adj", "laplacian",
)  # fmt: skip
_OF_EDGES = ("edge_attr", "edge_attrs", "edge_features", "edge_feats", "edge_feat", "e")
_WAVE = ("wav", "wave", "waveform", "waveforms", "audio", "audios", "signal", "speech")
_TIMES = ("t", "timestep", "timesteps", "time", "step", "steps", "time_step", "noise_level", "ts")
_HIDDEN = (
    "h", "h0", "h_0", "hidden", "hx", "hidden_state", "hidden_states", "state", "states", "hc",
    "prev_hidden", "prev_state", "hid",
)  # fmt: skip
_LABELS = ("y", "label", "labels", "cls", "class_labels", "target_class", "c")
_PLACES = ("pos", "positions", "coord", "coords", "coordinates", "xyz", "points")
_GRAPH_OF_NODE = ("batch", "batch_index", "batch_idx", "batch_ids", "graph_ids")


def named(
    name: str, module: nn.Module, options: Sequence[Entrance], beside: Sequence[str], looks_up: bool
) -> InputSpec | None:
    """What an argument's own name says about it; None where it says nothing.

    Args:
        name: of the argument.
        module: the model.
        options: what each of its layers would take.
        beside: the names of all arguments.
        looks_up: whether the argument may be looked up in a table of the model.
    """
    name = name.lower().strip("_")
    if name in _TIMES:
        return InputSpec((1,), "int64", bound=10)
    if is_lengths(name):
        return InputSpec((1,), "int64", bound=TOKENS + 1)
    if name.endswith("mask"):
        return InputSpec((1, TOKENS), "bool")
    if name in ("token_type_ids", "segment_ids", "segments", "segment_label"):
        return InputSpec((1, TOKENS), "int64", bound=2)
    if name == "position_ids" or (name in ("positions", "pos") and looks_up):
        return InputSpec((1, TOKENS), "int64", bound=TOKENS)
    if name in _PLACES:
        return InputSpec((1, TOKENS, _WIDTH_OF_PLACES), dtype_of(module))
    if name in _GRAPH_OF_NODE and any(it in _EDGE_LISTS for it in beside):
        return InputSpec((_NODES,), "int64", bound=1)
    if name == "offsets":
        return InputSpec((1,), "int64", bound=1)
    if name in _WAVE:
        return InputSpec((1, SAMPLES), dtype_of(module))
    if name in _EDGE_LISTS:
        return InputSpec((2, EDGES), "int64", bound=_NODES)
    if name in ("edge_weight", "edge_weights"):
        return InputSpec((EDGES,), dtype_of(module))
    if name in _GRAPH:
        return InputSpec((_NODES, _NODES), dtype_of(module))
    return _hidden(name, module) or _looked_up(name, options)


def is_of_edges(name: str, beside: Sequence[str]) -> bool:
    """Whether an argument of this name holds features of the edges of a graph."""
    return name.lower() in _OF_EDGES and any(it in _EDGE_LISTS for it in beside)


def pair_of_states(name: str, paths: Sequence[str], module: nn.Module) -> list[InputSpec | None]:
    """The two states of an LSTM that an argument of such a name is handed to; [] for others."""
    layer = module.get_submodule(paths[0]) if paths and name.lower() in _HIDDEN else None
    if isinstance(layer, nn.LSTM):
        layers = layer.num_layers * (2 if layer.bidirectional else 1)
        shapes: list[tuple[int, ...]] = [
            (layers, 1, layer.proj_size or layer.hidden_size),
            (layers, 1, layer.hidden_size),
        ]
    elif isinstance(layer, nn.LSTMCell):
        shapes = [(1, layer.hidden_size)] * 2
    else:
        return []
    return [InputSpec(shape, dtype_of(module), listed=True) for shape in shapes]


def _hidden(name: str, module: nn.Module) -> InputSpec | None:
    """The state of a recurrent layer."""
    if name not in _HIDDEN:
        return None
    recurrent = next((layer for layer in module.modules() if isinstance(layer, nn.RNNBase)), None)
    if recurrent is not None:
        if isinstance(recurrent, nn.LSTM):
            return None
        layers = recurrent.num_layers * (2 if recurrent.bidirectional else 1)
        return InputSpec((layers, 1, recurrent.hidden_size), dtype_of(module))
    cell = next((it for it in module.modules() if isinstance(it, nn.RNNCellBase)), None)
    if cell is not None:
        return InputSpec((1, cell.hidden_size), dtype_of(module))
    size = module.__dict__.get("hidden_size")
    linear = any(isinstance(it, nn.Linear) for it in module.modules())
    return InputSpec((1, size), dtype_of(module)) if linear and type(size) is int else None


def _looked_up(name: str, options: Sequence[Entrance]) -> InputSpec | None:
    """One row of a table for each sample."""
    tables = [option for option in options if option.dtype == "int64"]
    if not tables:
        return None
    if name in ("trg", "tgt"):
        return InputSpec((1, TOKENS), "int64", bound=tables[-1].bound)
    if name in _LABELS:
        return InputSpec((1,), "int64", bound=tables[-1].bound)
    if name.removesuffix("s").removesuffix("_id") in ("user", "item", "movie", "product"):
        return InputSpec((1,), "int64", bound=min(it.bound or 2 for it in tables))
    return None
