"""The rules, a file for each family, and which of them a trace calls for.

Most families explain a failure: they are read where there is one. The others look through whole
traces, and where a trace holds nothing that they speak of, they are not read either: most of what
a command takes to start is reading source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from shapescope.analysis.diagnosis.finding import Case
from shapescope.attrs import EmbeddingAttrs
from shapescope.trace import Step

__all__ = ["FAMILIES", "load_all", "load_for", "place_of", "reads_a_foreign_weight"]


def _always(case: Case) -> bool:
    return True


def _with_a_loss(case: Case) -> bool:
    return case.loss is not None


def _with_own_loss(case: Case) -> bool:
    return any(step.op.endswith("_loss") for step in case.trace.steps)


def _with_a_view(case: Case) -> bool:
    return any(step.op in ("view", "reshape") for step in case.trace.steps)


def _with_indices_or_dtypes(case: Case) -> bool:
    """Whether there is a table to look up, or a layer whose weights are of another dtype."""
    return any(
        isinstance(step.attrs, EmbeddingAttrs)
        or (step.params and step.inputs and step.params[0].dtype != step.inputs[0].dtype)
        for step in case.trace.steps
    )


def reads_a_foreign_weight(step: Step) -> bool:
    """Whether a call works with a weight that is no parameter of the model.

    So it is for a layer that no module holds, and for a kernel that somebody wrote down: which of
    the two it is, the source tells.
    """
    return (
        step.kind == "function"
        and not step.params
        and any(spec.name == "constant" and spec.shape for spec in step.inputs[1:])
    )


def _with_weights_of_no_module(case: Case) -> bool:
    return any(map(reads_a_foreign_weight, case.trace.steps))


FAMILIES: dict[str, Callable[[Case], bool] | None] = {
    "as_time": None,
    "assigned": _always,
    "attention": None,
    "axes": None,
    "batch": _always,
    "channels": None,
    "combining": None,
    "joining": None,
    "comparing": None,
    "crossings": None,
    "discarded": _always,
    "early": None,
    "fallback": None,
    "features": None,
    "flattens": None,
    "folds": None,
    "forms": None,
    "gathers": None,
    "scrambles": _with_a_view,
    "heads": _with_a_view,
    "layouts": None,
    "hidden": None,
    "loss": _with_a_loss,
    "lost": None,
    "masks": None,
    "names": None,
    "naming": None,
    "norms": None,
    "shape_norms": None,
    "own_loss": None,
    "own_pairs": _with_own_loss,
    "pieces": None,
    "positions": None,
    "products": None,
    "packed": None,
    "ranks": None,
    "recurrent": None,
    "reshaping": None,
    "returns": _always,
    "resizing": None,
    "shuffles": None,
    "signature": None,
    "slips": None,
    "splitting": None,
    "squeezed": None,
    "tuples": None,
    "uncalled": _always,
    "unpacking": None,
    "unpooling": None,
    "unregistered": _with_weights_of_no_module,
    "values": _with_indices_or_dtypes,
    "window": None,
}
"""Every family, in the order in which they are asked; of those that look through whole traces, the
sign that a trace is worth their look."""

_PLACES = {f"{__name__}.{family}": place for place, family in enumerate(FAMILIES)}


def place_of(rule: Callable[..., object]) -> int:
    """Where in the order the family of a rule stands."""
    return _PLACES[rule.__module__]


def load_all() -> None:
    """Read every family; each registers its rules."""
    _load(FAMILIES)


def load_for(case: Case) -> None:
    """Read the families that look through whole traces and have something to look at in this."""
    _load(name for name, sign in FAMILIES.items() if sign is not None and sign(case))


def _load(families: Iterable[str]) -> None:
    for family in families:
        import_module(f"{__name__}.{family}")
