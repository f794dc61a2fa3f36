"""What the trial of edits asks of whoever runs the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from shapescope.analysis.batch import Evidence
from shapescope.trace import Shape, Trace


class Retrace(Protocol):
    """Traces the model again with other sources or other inputs."""

    @property
    def editable(self) -> frozenset[str]:
        """The absolute paths of the files that may be edited."""

    def __call__(
        self,
        texts: Mapping[str, str],
        *,
        shapes: Sequence[Shape] | None = None,
        batch: int | None = None,
    ) -> Trace | None:
        """The trace; None where the model cannot be loaded, built or fed like that.

        Args:
            texts: by absolute path, for files that read otherwise.
            shapes: of the inputs, where they differ from the request's.
            batch: the size of axis 0, where it differs.
        """

    def runs(self, texts: Mapping[str, str], trace: Trace, shapes: Sequence[Shape] | None) -> bool:
        """Whether it also takes a real step, forwards and backwards; True where that takes long."""

    def evidence(self, texts: Mapping[str, str], trace: Trace, other: Trace | None) -> Evidence:
        """What other passes of the edited model show, for the rules about the batch."""
