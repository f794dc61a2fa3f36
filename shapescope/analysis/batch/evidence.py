"""What other passes of a model showed about its batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shapescope.trace import Trace


@dataclass(frozen=True, slots=True)
class Mixing:
    """What changing one sample did, on real tensors in eval mode.

    Attributes:
        batch: how many samples there were.
        sample: the one that was changed.
        crossed: the other rows of the first output that changed with it.
        order_matters: whether turning the batch around gave something else than the outputs
            turned around; None where that was not tried.
    """

    batch: int
    sample: int
    crossed: tuple[int, ...]
    order_matters: bool | None = None

    @property
    def mixes(self) -> bool:
        """Whether an output row depends on other samples."""
        return bool(self.crossed)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What other passes of the same model showed.

    Attributes:
        other_batch: the trace with another batch size, as far as it came.
        mixing: what changing one sample did, where that was tried.
        bounds: by name of an input, what its whole numbers lie below, where that was asked for.
        classes: what the targets of a classification lie below, where that was asked for.
    """

    other_batch: Trace | None = None
    mixing: Mixing | None = None
    bounds: Mapping[str, int] = field(default_factory=dict)
    classes: int | None = None
