"""Inputs that were found, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from shapescope.capture.inferring.entrance import Entrance
from shapescope.capture.inferring.outcome import Outcome
from shapescope.capture.inferring.size_search import Candidate, SizeSearch
from shapescope.capture.inferring.tables import within_tables
from shapescope.capture.input_spec import InputSpec, format_input, rebatch

__all__ = ["Inferred", "came_to", "how_found", "inferred_from", "keeps_any_batch"]

_OTHER_BATCH = 3


@dataclass(frozen=True, slots=True)
class Inferred:
    """Inputs that were found, and how.

    Attributes:
        inputs: the inputs.
        how: one sentence for people.
        fits: whether the model ran with them; if not, they are the most plausible ones.
    """

    inputs: tuple[InputSpec, ...]
    how: str
    fits: bool


def keeps_any_batch(candidate: Candidate, sizes: Sequence[int], search: SizeSearch) -> bool:
    """Whether the model runs with more than one sample too."""
    return search(rebatch(candidate.specs(*sizes), _OTHER_BATCH)).fits


def came_to(candidate: Candidate, outcome: Outcome, module: nn.Module) -> bool:
    """Whether the layers that inputs are for were entered, or those that hold the parameters."""
    layers = dict(module.named_modules())
    for choice in candidate.choices:
        path = choice.path if isinstance(choice, Entrance) else ""
        path = path if path in layers else path.rpartition(".")[0]
        entered = any(f"{one}.".startswith(f"{path}.") for one in outcome.reached)
        if path in layers and path and outcome.reached and not entered:
            return False
    return True


def inferred_from(candidate: Candidate, sizes: tuple[int, ...], search: SizeSearch) -> Inferred:
    """What a candidate is with sizes that run, its integers within the tables they come to."""
    specs = candidate.specs(*sizes)
    trace = search(specs).trace
    specs = specs if trace is None else within_tables(specs, trace)
    return Inferred(specs, how_found(candidate, specs, search), fits=True)


def how_found(
    candidate: Candidate, specs: Sequence[InputSpec], search: SizeSearch | None = None
) -> str:
    """One sentence for people: which input it is, and which layers speak for it."""
    named = [it for it in candidate.choices if isinstance(it, Entrance)]
    said = ", ".join(dict.fromkeys(f"{it.path} ({it.says})" for it in named))
    if len(specs) == 1 and specs[0].shape and specs[0].name is None:
        shown = " x ".join(map(str, specs[0].shape))
    else:
        shown = " and ".join(format_input(spec) for spec in specs)
    text = f"input {shown} inferred from {said or 'the names of the arguments'}"
    if search is not None and len(candidate.choices) == 1 and search.was_guided:
        outcome = search(tuple(specs))
        if outcome.reader and outcome.surplus == 0:
            return f"{text} and {outcome.reader} (takes {outcome.wanted})"
    return text
