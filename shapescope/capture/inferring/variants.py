"""Other inputs to try where those that the layers speak of do not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shapescope.capture.inferring.adjusting import Adjusted
from shapescope.capture.inferring.candidates import Choice
from shapescope.capture.inferring.entrance import TOKENS, Entrance
from shapescope.capture.inferring.size_search import Candidate, SizeSearch
from shapescope.capture.input_spec import InputSpec

__all__ = ["likeliest_first", "narrowed", "settled", "texts_alone"]

_FEW = 4


def texts_alone(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """One sequence of integers without a batch, as a forward takes it that sums up its rows."""
    for candidate in candidates:
        (choice,) = candidate.choices
        if isinstance(choice, Entrance) and (choice.head, choice.dtype) == ((1, TOKENS), "int64"):
            yield Candidate((replace(choice, head=(TOKENS,)),))


def narrowed(candidates: Sequence[Candidate], search: SizeSearch) -> Iterator[Candidate]:
    """Inputs of fewer features, where forward adds some of its own before their layer has them.

    A grid of places, the difference to a neighbour: as many are left out as arrived too many, or
    as many times fewer are given.
    """
    for candidate in candidates:
        (choice,) = candidate.choices
        refused = search(candidate.specs()).refused
        if not isinstance(choice, Entrance) or refused is None:
            continue
        axis = 1 if choice.free else len(choice.head) - 1
        given, (path, wanted, arrived) = choice.head[axis], refused
        fewer = [given - (arrived - wanted)] if path == choice.path else []
        fewer += [given * wanted // arrived] if given * wanted % arrived == 0 else []
        for size in fewer:
            if axis and 0 < size < given:
                head = (*choice.head[:axis], size, *choice.head[axis + 1 :])
                says = f"takes {wanted} with what forward adds"
                yield Candidate((replace(choice, path=path, says=says, head=head),))


def likeliest_first(
    candidates: Sequence[Candidate], choices: Sequence[Sequence[Choice]]
) -> list[Candidate]:
    """The candidates by how likely their choices are, all together."""

    def unlikely(candidate: Candidate) -> int:
        pairs = zip(candidate.choices, choices, strict=False)
        return sum(options.index(it) if it in options else _FEW for it, options in pairs)

    return sorted(candidates, key=unlikely)


def settled(candidate: Candidate, end: Adjusted) -> Candidate:
    """A candidate with the sizes that adjusting came to, and what decided on them."""
    takers = {at: (path, f"takes {wanted}") for at, path, wanted in end.takers}
    choices: list[Choice] = []
    for at, (choice, spec) in enumerate(zip(candidate.choices, end.specs, strict=True)):
        if isinstance(choice, InputSpec) or spec.shape is None:
            choices.append(spec)
            continue
        path, says = takers.get(at, (choice.path, choice.says))
        choices.append(replace(choice, path=path, says=says, head=spec.shape, free=0))
    return replace(candidate, choices=tuple(choices))
