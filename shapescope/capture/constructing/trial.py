"""Edits to a constructor, kept only where the model can be built with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shapescope.analysis.fixes.apply import edited
from shapescope.capture.loading.building import build_module
from shapescope.diagnostic import Edit, Help
from shapescope.source_text import absolute_path, source_text

if TYPE_CHECKING:
    from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["tried_help"]


def tried_help(message: str, edits: tuple[Edit, ...], file: str, model: LoadedModel) -> Help:
    """A help with these edits of `file`, verified where the model can be built with them.

    The edits are kept, unverified, where the model gets further and fails over something else.
    """
    text = source_text(file)
    if text is None or model.code is None or not edits:
        return Help(message)
    problem = _build_edited(model, file, edited(text, edits))
    if isinstance(problem, SyntaxError):
        return Help(message)
    return Help(message, edits, verified=problem is None)


def _build_edited(model: LoadedModel, file: str, text: str) -> BaseException | None:
    """What building the model from the edited text raises."""
    from shapescope.capture.loader import load

    try:
        again = load(model.spec, overrides={**model.overrides, Path(absolute_path(file)): text})
        with again.environment():
            built = build_module(again.make)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # returned, and judged by the caller
        return error
    return None if "_modules" in built.module.__dict__ else AttributeError("not initialised")
