"""The record that `check` compares with: what it holds, and what an update puts into it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shapescope.analysis.records import Key, Record, changes, record_of
from shapescope.cli.config import CheckedModel
from shapescope.cli.lockfile import LOCK, read_lock
from shapescope.cli.output import write_file
from shapescope.diagnostic import Diagnostic, Severity
from shapescope.render.lockfile import lock_text

if TYPE_CHECKING:
    from shapescope.result import TraceResult


class Lock:
    """The lock file of a folder.

    Attributes:
        listed: whether the models looked at are all that should be in it.
    """

    def __init__(self, folder: Path, *, listed: bool) -> None:
        self.file = folder / LOCK
        self.listed = listed
        self._known = read_lock(self.file)
        self._new: dict[Key, Record] = {}

    def problems(self, entry: CheckedModel, result: TraceResult) -> tuple[Diagnostic, ...]:
        """What differs from the record; that there is none, where the others have one."""
        known = self._known.get(_key(entry))
        if known is not None:
            return changes(known, result)
        if self._known and self.listed:
            message = f"it is not in {LOCK}: shapescope check --update records it"
            return (Diagnostic("not-recorded", Severity.ERROR, message),)
        return ()

    def record(self, entry: CheckedModel, result: TraceResult) -> None:
        """Keep what the model gives now, for `write`."""
        self._new[_key(entry)] = record_of(result)

    def write(self, left: Iterable[CheckedModel]) -> str:
        """Write what was recorded, and say what that changed, in one line.

        The models that failed or could not be looked at keep the record they had. Others keep
        theirs, unless those looked at are all there should be.
        """
        kept = {_key(entry) for entry in left} if self.listed else set(self._known)
        records = {key: record for key, record in self._known.items() if key in kept} | self._new
        counts = {
            "new": len(records.keys() - self._known.keys()),
            "changed": sum(
                key in self._known and self._known[key] != record
                for key, record in self._new.items()
            ),
            "dropped": len(self._known.keys() - records.keys()),
        }
        text = lock_text(records)
        if not self.file.is_file() or self.file.read_text(encoding="utf-8") != text:
            write_file(self.file, text)
        said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"{LOCK}: {said or 'nothing changed'}"


def _key(entry: CheckedModel) -> Key:
    return entry.model, entry.inputs, entry.train
