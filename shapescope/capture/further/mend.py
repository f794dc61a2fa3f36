"""Mending a model fault by fault: diagnose, apply the first proved help, diagnose again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shapescope.analysis.fixes.apply import edited
from shapescope.capture.further.investigate import investigate
from shapescope.capture.inferring.own_inputs import own_inputs
from shapescope.capture.inputs import InputSpec, parse_inputs
from shapescope.capture.loader import load
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.traced import Target
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import Diagnostic, Edit, Help, Severity, ShapescopeError
from shapescope.source_text import absolute_path, overridden, source_text

_MOST_FAULTS = 8


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done, and what is left.

    Attributes:
        steps: each fault with the help that mended it, in order.
        texts: by absolute path, the text of each edited file.
        left: errors and warnings that no edit mends.
        notes: for people: how the file was read, and an input that was inferred.
        inputs: what to feed instead of what was asked for, as `--input` takes it; () where that
            stays.
    """

    steps: tuple[tuple[Diagnostic, Help], ...]
    texts: Mapping[str, str]
    left: tuple[Diagnostic, ...]
    notes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()


def mend(
    spec: str,
    inputs: tuple[InputSpec, ...] | None,
    *,
    train: bool = False,
    target: Target | None = None,
) -> Mended:
    """Apply verified edits, in memory, until nothing is wrong or nothing helps.

    Where the model is right and only its input is not, that is what is mended, and the way goes on
    with the input that was meant.

    Args:
        spec: the model as the user named it.
        inputs: what it is fed; its own or inferred ones where None.
        train: trace in training mode.
        target: the loss that is computed as well.

    Raises:
        ShapescopeError: the request cannot be met.
    """
    texts: dict[str, str] = {}
    steps: list[tuple[Diagnostic, Help]] = []
    proved = Mended((), {}, ())
    named = spec
    loaded: LoadedModel = load(spec)
    notes, inputs = _starting_point(loaded, inputs)
    meant: tuple[str, ...] = ()
    while True:
        with overridden({Path(path): text for path, text in texts.items()}):
            if texts:
                loaded = _edited_model(named, texts)
            found = _diagnosed(loaded, inputs, train=train, target=target)
            wrong = tuple(one for one in found if one.severity is not Severity.NOTE)
            if not steps or steps[-1][1].verified or not wrong:
                proved = Mended(tuple(steps), texts, wrong, notes, meant)
            choice = _first_help(wrong)
            if choice is None or len(steps) == _MOST_FAULTS:
                return proved
            if choice[1].inputs and not meant:
                meant = choice[1].inputs
                inputs = parse_inputs(meant)
                steps.append((choice[0], _input_alone(choice[1])))
                continue
            after = _applied(texts, choice[1])
            told = _told_apart(named, texts, inputs, choice, train=train, target=target)
        if after is None or after == texts:
            return proved
        texts = after
        steps += told
        if loaded.entry is not None:
            # A document network that is edited on trial is a file like any other.
            named = f"{loaded.file}:{loaded.class_name}"


def _starting_point(
    loaded: LoadedModel, inputs: tuple[InputSpec, ...] | None
) -> tuple[tuple[str, ...], tuple[InputSpec, ...] | None]:
    """What to tell of how the model was read, and the inputs that are its own.

    Inputs that are inferred may be others for a mended model; those that its file feeds it, or that
    it was made for, are not.
    """
    if inputs is not None:
        return loaded.notes, inputs
    try:
        _, how = own_inputs(loaded)
    except ShapescopeError as error:
        if error.exit_code != 1:
            raise
        return loaded.notes, None
    return (*loaded.notes, *how), loaded.default_inputs or None


def _input_alone(entry: Help) -> Help:
    """What a help says of the input, without the edits that another fault takes."""
    return Help(entry.message.partition("; then ")[0], verified=True, inputs=entry.inputs)


def _told_apart(
    spec: str,
    texts: Mapping[str, str],
    inputs: tuple[InputSpec, ...] | None,
    choice: tuple[Diagnostic, Help],
    **request: Any,
) -> list[tuple[Diagnostic, Help]]:
    """The faults that one help mends, each with its own lines: the later ones show on the way.

    The edits are made one after another, in the help's order; each fault is what is wrong before
    the edits that take it away.
    """
    first, entry = choice
    if len(entry.edits) < 2 or first.severity is not Severity.ERROR:
        return [choice]
    told = [choice]
    made, waiting = [entry.edits[0]], list(entry.edits[1:])
    while waiting:
        wrong = _error_with(spec, texts, inputs, made, **request)
        if wrong is None:
            break
        waiting.sort(key=_nearest_to(wrong, made))
        batch = [waiting.pop(0)]
        while waiting and wrong == _error_with(spec, texts, inputs, [*made, *batch], **request):
            batch.append(waiting.pop(0))
        made += batch
        if (wrong.rule, wrong.message) != (first.rule, first.message):
            told.append((wrong, Help("mended in the same go", tuple(batch), verified=True)))
    if len(told) > len(entry.then):
        told[0] = first, _without_what_follows(entry)
    return told


def _without_what_follows(entry: Help) -> Help:
    """A help for its own fault alone, where each of those that follow has a line of its own."""
    message = entry.message
    for one in entry.then:
        message = message.replace(f"; then {one}", "", 1)
    return replace(entry, message=message)


def _nearest_to(wrong: Diagnostic, made: Sequence[Edit]) -> Callable[[Edit], tuple[bool, bool]]:
    """Orders edits: those where the trouble shows, those where it is explained, all others."""
    first = {_line_before(one.span.line, made) for one in wrong.labels if one.primary}
    lines = {_line_before(one.span.line, made) for one in wrong.labels}
    return lambda edit: (edit.span.line not in first, edit.span.line not in lines)


def _line_before(line: int, made: Sequence[Edit]) -> int:
    """The line that one of the edited text was before lines were added above it."""
    added = sum(edit.replacement.count("\n") for edit in made if edit.span.line < line)
    return line - added


def _error_with(
    spec: str,
    texts: Mapping[str, str],
    inputs: tuple[InputSpec, ...] | None,
    edits: Sequence[Edit],
    **request: Any,
) -> Diagnostic | None:
    """The first error once some edits are made."""
    after = _applied(texts, Help("", tuple(edits)))
    if after is None:
        return None
    with overridden({Path(path): text for path, text in after.items()}):
        found = _diagnosed(_edited_model(spec, after), inputs, fixes=False, **request)
    return next((one for one in found if one.severity is Severity.ERROR), None)


def _edited_model(spec: str, texts: Mapping[str, str]) -> LoadedModel:
    return load(spec, overrides={Path(path): text for path, text in texts.items()})


def _diagnosed(
    loaded: LoadedModel,
    inputs: tuple[InputSpec, ...] | None,
    *,
    train: bool,
    target: Target | None,
    fixes: bool = True,
) -> tuple[Diagnostic, ...]:
    try:
        given = loaded.fitted(inputs) if inputs else own_inputs(loaded)[0]
        traced = trace_model(loaded, given, train=train, target=target)
        return investigate(loaded, given, traced, train=train, target=target, fixes=fixes)
    except ShapescopeError as error:
        if error.exit_code != 1:
            raise
        return (error.diagnostic,)


def _first_help(found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, Help] | None:
    """The first help that is proved, or one that gets a constructor further.

    A constructor with two faults cannot be built with one of them mended: its helps are proved
    together, once nothing is wrong any more.
    """
    for diagnostic in found:
        for entry in diagnostic.help:
            proved = entry.verified or diagnostic.rule == "constructor"
            if (entry.edits or entry.inputs) and proved:
                return diagnostic, entry
    return None


def _applied(texts: Mapping[str, str], entry: Help) -> dict[str, str] | None:
    after = dict(texts)
    for file in dict.fromkeys(edit.span.file for edit in entry.edits):
        path = absolute_path(file)
        before = after.get(path) or source_text(path)
        if before is None:
            return None
        after[path] = edited(before, [edit for edit in entry.edits if edit.span.file == file])
    return after
