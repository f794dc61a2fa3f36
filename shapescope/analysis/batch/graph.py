"""Whether the rows of a model's inputs are the nodes of one graph instead of samples."""

from __future__ import annotations

from shapescope.trace import Trace

__all__ = ["is_graph"]

_PRODUCTS = ("matmul", "mm")
_TURNS = ("transpose", "permute", "t", "mT", "T")
_INDEXED = ("index_select", "index_add", "scatter_add", "scatter_reduce", "gather")
_INTEGERS = ("int64", "int32")


def is_graph(trace: Trace, size: int) -> bool:
    """Whether axis 0 counts the nodes of a graph: an input says for each pair how they touch.

    That adjacency, scaled or masked or not, is what the nodes' features are multiplied with; or
    the ends of edges, 2 x E, say which rows of the features go where.
    """
    if _has_edges(trace, size):
        return True
    square = (size, size)
    inputs = {spec.name for spec in trace.inputs}
    tables = {spec.name for spec in trace.inputs if spec.shape == square}
    if size < 2 or len(inputs) < 2 or not tables:
        return False
    pairs: set[int] = set()
    for step in trace.steps:
        if step.op == "module" or not step.inputs:
            continue
        given = list(step.input_sources())
        told = [spec.name in tables if at is None else at in pairs for spec, at in given]
        if step.op in _PRODUCTS and len(given) > 1:
            features, maker = given[1]
            of_nodes = maker is not None or features.name in inputs
            if told[0] and of_nodes and features.shape[:1] == (size,):
                return True
        made = [spec.shape for spec in step.outputs[:1]]
        if any(told) and made == [square] and step.op not in (*_PRODUCTS, *_TURNS):
            pairs.add(step.index)
    return False


def _has_edges(trace: Trace, size: int) -> bool:
    """Whether the rows of an input of 2 x E integers index `size` rows of something."""
    tables = {
        spec.name
        for spec in trace.inputs
        if len(spec.shape) == 2 and spec.shape[0] == 2 and spec.dtype in _INTEGERS
    }
    if size < 3 or not tables or len(trace.inputs) < 2:
        return False
    ends: set[int] = set()
    for step in trace.steps:
        if step.op == "module" or not step.inputs:
            continue
        told = [
            spec.name in tables if at is None else at in ends for spec, at in step.input_sources()
        ]
        if step.op in _INDEXED and any(told[1:]) and step.inputs[0].shape[:1] == (size,):
            return True
        if told[0] and all(spec.dtype in _INTEGERS for spec in step.outputs):
            ends.add(step.index)
    return False
