"""An input for a model of which nobody said what it takes.

The layers at its entrance give channels, features or a vocabulary, the source of forward says which
argument goes where; the free sizes are searched by tracing, guided by what a later layer wants to
have after the flatten.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from shapescope.capture.inferring.adjusting import adjusted
from shapescope.capture.inferring.argument_uses import Argument
from shapescope.capture.inferring.candidates import Choice, Place, choices_for, places_of
from shapescope.capture.inferring.combinations import combinations
from shapescope.capture.inferring.entrance import (
    SIZE_ATTRIBUTES,
    TOKENS,
    Entrance,
    entrances,
    required_arguments,
    size_hints,
)
from shapescope.capture.inferring.found import (
    Inferred,
    came_to,
    how_found,
    inferred_from,
    keeps_any_batch,
)
from shapescope.capture.inferring.outcome import Outcome
from shapescope.capture.inferring.size_search import Attempt, Candidate, SizeSearch, Specs
from shapescope.capture.inferring.usage import arguments_of
from shapescope.capture.inferring.variants import (
    likeliest_first,
    narrowed,
    settled,
    texts_alone,
)
from shapescope.capture.input_spec import InputSpec
from shapescope.trace import Trace

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["Inferred", "infer_for", "infer_inputs", "plausible_inputs", "searched"]

_GIVE = "where the model takes another, give it with --input"
_MOST_OPTIONS = 6
_MOST_COMBINATIONS = 64
_MOST_STARTS = 5
_AXES_OF_ROWS = 3
_MORE = 12
"""So many further attempts are worth it where an input runs for a batch of one alone."""


def infer_for(model: LoadedModel | nn.Module) -> Inferred | None:
    """`infer_inputs` for a model that was loaded or is alive, by tracing it on meta.

    What meta cannot run (data-dependent control flow, TorchScript) is traced as it has to be.

    Raises:
        ShapescopeError: the model cannot be built.
    """
    return searched(model)[0]


def searched(model: LoadedModel | nn.Module) -> tuple[Inferred | None, Specs]:
    """As `infer_for`, with the inputs that came farthest; () where none came anywhere.

    Raises:
        ShapescopeError: the model cannot be built.
    """
    from shapescope.capture.tracer import trace_model

    sizes: tuple[int, ...] = ()
    if isinstance(model, nn.Module):
        module = model
        environment: AbstractContextManager[None] = nullcontext()
    else:
        module, environment = model.build("meta").module, model.environment()
        sizes = _said_sizes(model.spec)
    with environment:
        farthest = _Farthest(lambda specs: trace_model(module, specs, mode="meta").trace)
        found = infer_inputs(module, farthest, sizes)
        if found is not None and found.fits:
            return found, farthest.specs
        # A failure on meta may be meta's own: then the way that works is searched as well.
        plausible = plausible_inputs(module) if found is None else found.inputs
        for likely in (plausible, farthest.specs, _time_first(plausible)):
            way = trace_model(module, likely).trace.mode if likely else "meta"
            if way != "meta":
                break
        else:
            return found, farthest.specs
        other = _Farthest(lambda specs: trace_model(module, specs, mode=way).trace)
        return infer_inputs(module, other, sizes), other.specs


def _time_first(specs: Specs) -> Specs:
    """The inputs with each text along its first axis."""
    texts = [(it.shape, it.dtype) == ((1, TOKENS), "int64") for it in specs]
    turned = (
        replace(it, shape=(TOKENS, 1)) if text else it
        for it, text in zip(specs, texts, strict=True)
    )
    return tuple(turned) if any(texts) else ()


class _Farthest:
    """Attempts, and the inputs with which the model came farthest."""

    def __init__(self, attempt: Callable[[Specs], Trace]) -> None:
        self.attempt = attempt
        self.specs: Specs = ()
        self.steps = 0

    def __call__(self, specs: Specs) -> Trace:
        trace = self.attempt(specs)
        if len(trace.steps) > self.steps:
            self.specs, self.steps = specs, len(trace.steps)
        return trace


def _said_sizes(spec: str) -> tuple[int, ...]:
    """The sizes of pictures among the arguments that a user wrote: `Net(image_size=64)`."""
    from shapescope.capture.loading.spec import parse_spec

    keywords = dict(parse_spec(spec).arguments.keywords)
    nodes = [keywords[name] for name in SIZE_ATTRIBUTES if name in keywords]
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return tuple(value for value in values if type(value) is int and value > 0)


def infer_inputs(
    module: nn.Module, try_trace: Attempt, sizes: Sequence[int] = ()
) -> Inferred | None:
    """Find inputs that the model takes.

    Args:
        module: the model, on any device; it is only looked at.
        try_trace: traces it, on meta where possible.
        sizes: of pictures, to be tried first.

    Returns:
        The inputs. For a model of one argument that runs with none of the sizes tried, the most
        plausible one, so that its failure can be explained. None where nothing can be said.
    """
    asked = _asked(module, sizes)
    if asked is None:
        return None
    places, choices = asked
    search = SizeSearch(try_trace)
    if len(places) == 1 and not places[0].use.each:
        options = [it for it in choices[0] if isinstance(it, Entrance)]
        if not places[0].by_name and len(options) == len(choices[0]):
            return _one(options, search, module)
    candidates = list(itertools.islice(combinations(module, places, choices), _MOST_COMBINATIONS))
    found = _best(candidates, search, module)
    if found is not None and found.fits:
        return found
    made, _ = _adjusted(likeliest_first(candidates, choices), search, module)
    return made or found


def plausible_inputs(module: nn.Module) -> tuple[InputSpec, ...]:
    """What each argument may take, by its layer or its name, untried; () where nothing is known."""
    asked = _asked(module, ())
    if asked is None or not all(asked[1]):
        return ()
    return next((it.specs() for it in combinations(module, *asked)), ())


def _asked(
    module: nn.Module, sizes: Sequence[int]
) -> tuple[list[Place], list[list[Choice]]] | None:
    """The tensors that forward needs, and what each may be."""
    options = entrances(module)
    arguments = _arguments(module)
    if not options or not arguments or any(argument.use.fields for argument in arguments):
        return None
    hints = [*sizes, *size_hints(module)]
    places = places_of(arguments, module)
    choices = [
        [_with_hints(choice, hints) for choice in choices_for(place, module, options, places)]
        for place in places
    ]
    return places, choices


def _arguments(module: nn.Module) -> list[Argument]:
    if isinstance(module, torch.jit.ScriptModule):
        return [Argument(name) for name in required_arguments(module)]
    return arguments_of(module) or [Argument(name) for name in required_arguments(module)]


def _with_hints(choice: Choice, hints: Sequence[int]) -> Choice:
    if isinstance(choice, InputSpec) or choice.free != 2 or not hints:
        return choice
    sizes = (*hints, *(size for size in choice.sizes if size not in hints))
    return replace(choice, sizes=tuple(dict.fromkeys(sizes)))


def _one(options: Sequence[Entrance], search: SizeSearch, module: nn.Module) -> Inferred | None:
    """An input for a forward of one argument: what fits best, or else what comes farthest.

    None where the model failed before it came to the layer that the input is for: then nothing
    speaks for that input, and what it fails with is no fault of the model.
    """
    candidates = [Candidate((option,)) for option in options[:_MOST_OPTIONS]]
    found = _best(candidates, search, module) or _best(texts_alone(candidates), search, module)
    if found is None:
        fewer = list(narrowed(candidates, search))
        found = _best(fewer, SizeSearch(search.try_trace), module)
    if found is not None:
        return found
    found, ends = _adjusted(candidates, search, module)
    if found is not None:
        return found
    candidate = max(candidates, key=search.progress)
    outcome = search(candidate.specs())
    if not came_to(candidate, outcome, module):
        return None
    specs = search.farthest(candidate)
    end = max(ends, key=lambda it: it[1].progress, default=None)
    if end is not None and end[1].progress > search(specs).progress:
        # What fails with these is nearer to what is wrong.
        candidate, outcome = end
        specs = candidate.specs()
    how = how_found(candidate, specs) + "; no size that was tried fits: " + _GIVE
    return Inferred(specs, how, fits=outcome.runs)


def _adjusted(
    candidates: Sequence[Candidate], tried: SizeSearch, module: nn.Module
) -> tuple[Inferred | None, list[tuple[Candidate, Outcome]]]:
    """Inputs that run once their sizes are what the steps that failed have asked for.

    Also those, with what they showed, that came on but do not run.
    """
    search = tried.further()
    starts: dict[tuple[tuple[int, str], ...], Candidate] = {}
    made = [it for it in candidates if it.specs() in tried.made]
    for candidate in sorted(made, key=lambda it: -tried(it.specs()).progress):
        kinds = tuple((len(spec.shape or ()), spec.dtype) for spec in candidate.specs())
        starts.setdefault(kinds, candidate)
    runs: Inferred | None = None
    ends: list[tuple[Candidate, Outcome]] = []
    for start in list(starts.values())[:_MOST_STARTS]:
        heads = [it.head for it in start.choices if isinstance(it, Entrance) and len(it.head) > 1]
        widths = frozenset(head[1 if len(head) == _AXES_OF_ROWS - 1 else -1] for head in heads)
        end = adjusted(start.specs(), search, widths)
        candidate = settled(start, end)
        outcome = search(end.specs)
        if not came_to(candidate, outcome, module):
            continue
        if outcome.fits and keeps_any_batch(candidate, (), search):
            return inferred_from(candidate, (), search), ends
        if outcome.runs:
            runs = runs or inferred_from(candidate, (), search)
        else:
            ends.append((candidate, outcome))
    return runs, ends


def _best(
    candidates: Iterable[Candidate], search: SizeSearch, module: nn.Module
) -> Inferred | None:
    """The first inputs that run and keep any batch, else the first that run at all.

    Inputs with which the model runs past the layers that they are for are none.
    """
    runs: tuple[Candidate, tuple[int, ...]] | None = None
    fits: tuple[Candidate, tuple[int, ...]] | None = None
    limit: int | None = None
    for candidate in candidates:
        if search.exhausted or (limit is not None and search.count >= limit):
            break
        found = search.fitting_sizes(candidate)
        if found is not None and not came_to(candidate, search(candidate.specs(*found)), module):
            continue
        if found is not None:
            if keeps_any_batch(candidate, found, search):
                return inferred_from(candidate, found, search)
            if fits is None:
                fits, limit = (candidate, found), search.count + _MORE
        elif runs is None:
            running = search.running_sizes(candidate)
            if running is not None and came_to(
                candidate, search(candidate.specs(*running)), module
            ):
                runs = (candidate, running)
    # One that runs but does not keep the batch is what a diagnosis can speak about.
    best = fits or runs
    return None if best is None else inferred_from(*best, search)
