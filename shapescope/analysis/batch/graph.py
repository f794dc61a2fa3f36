"""Whether the rows of a model's inputs are the nodes of one graph instead of samples."""

from __future__ import annotations

from shapescope.trace import Trace

__all__ = ["is_graph"]

_PRODUCTS = ("matmul", "mm")
_TURNS = ("transpose", "permute", "t", "mT", "T")


def is_graph(trace: Trace, size: int) -> bool:
    """Whether axis 0 counts the nodes of a graph: an input says for each pair how they touch.

    That adjacency, scaled or masked or not, is what the nodes' features are multiplied with.
    """
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
