"""Mending a model fault by fault: diagnose, apply the first proved help, diagnose again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shapescope.analysis.fixes.apply import edited
from shapescope.capture.inputs import InputSpec
from shapescope.capture.investigate import investigate
from shapescope.capture.loader import LoadedModel, load
from shapescope.capture.tracer import Target, trace_model
from shapescope.diagnostic import Diagnostic, Help, Severity, ShapescopeError
from shapescope.source_text import absolute_path, overridden, source_text

_MOST_FAULTS = 8


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done, and what is left.

    Attributes:
        steps: each fault with the help that mended it, in order.
        texts: by absolute path, the text of each edited file.
        left: errors and warnings that no edit mends.
    """

    steps: tuple[tuple[Diagnostic, Help], ...]
    texts: Mapping[str, str]
    left: tuple[Diagnostic, ...]


def mend(
    spec: str,
    inputs: tuple[InputSpec, ...] | None,
    *,
    train: bool = False,
    target: Target | None = None,
) -> Mended:
    """Apply verified edits, in memory, until nothing is wrong or nothing helps.

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
    named = spec
    while True:
        with overridden({Path(path): text for path, text in texts.items()}):
            found, loaded = _diagnosed(named, texts, inputs, train, target)
            wrong = tuple(one for one in found if one.severity is not Severity.NOTE)
            choice = _first_help(wrong)
            if choice is None or len(steps) == _MOST_FAULTS:
                return Mended(tuple(steps), texts, wrong)
            after = _applied(texts, choice[1])
        if after is None or after == texts:
            return Mended(tuple(steps), texts, wrong)
        texts = after
        steps.append(choice)
        if loaded is not None and loaded.entry is not None:
            # A document network that is edited on trial is a file like any other.
            named = f"{loaded.file}:{loaded.class_name}"


def _diagnosed(
    spec: str,
    texts: Mapping[str, str],
    inputs: tuple[InputSpec, ...] | None,
    train: bool,
    target: Target | None,
) -> tuple[tuple[Diagnostic, ...], LoadedModel | None]:
    from shapescope.session import own_inputs

    loaded = load(spec, overrides={Path(path): text for path, text in texts.items()})
    try:
        given = loaded.fitted(inputs) if inputs else own_inputs(loaded)[0]
        traced = trace_model(loaded, given, train=train, target=target)
        return investigate(loaded, given, traced, train=train, target=target), loaded
    except ShapescopeError as error:
        if error.exit_code != 1:
            raise
        return (error.diagnostic,), loaded


def _first_help(found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, Help] | None:
    for diagnostic in found:
        for entry in diagnostic.help:
            if entry.edits and entry.verified:
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
