"""What is known so far of the sizes that fit a model, and how they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from shapescope.analysis.sizes.regions import Region
from shapescope.ops import known_macs
from shapescope.valid_sizes import Passage

if TYPE_CHECKING:
    from shapescope.capture.sizes.sizer import Sizer

CHECK_SECONDS = 1.0
"""For a check of what is proven."""

SEARCH_SECONDS = 20.0
"""For trying sizes one by one."""

MOST_PARAMETERS = 200_000_000
"""Models of more are not run on real tensors."""

BATCHES = (2, 3)
"""The batches with which sizes are tried."""

_AFFORDABLE_MACS = 2 * 10**9


@dataclass
class Work:
    """What is known so far.

    Attributes:
        sizer: the model that can be run at any size.
        passages: the ways it goes, as formulas.
        regions: the sizes that fit.
        searched_to: how far sizes were tried, None where they are proven.
        notes: for the user.
        hints: sizes at which passes and formulas disagree.
        mode: how the answer was found.
        for_every_batch: whether it holds for every batch.
    """

    sizer: Sizer
    passages: tuple[Passage, ...] = ()
    regions: list[Region] = field(default_factory=list)
    searched_to: int | None = None
    notes: list[str] = field(default_factory=list)
    hints: list[Mapping[str, int]] = field(default_factory=list)
    mode: str = "symbolic"
    for_every_batch: bool = True

    @property
    def axes(self) -> list[str]:
        """The names of the free axes."""
        return [free.name for free in self.sizer.axes]

    @cached_property
    def is_affordable(self) -> bool:
        """Whether a few passes on real tensors take little."""
        if self.sizer.parameter_count > MOST_PARAMETERS:
            return False
        done = self.sizer.plain_pass(self.sizer.asked)
        return known_macs(done.steps) <= _AFFORDABLE_MACS

    def runs(self, sizes: Mapping[str, int], device: str) -> bool:
        """Whether plain passes on a device fit at these sizes, whatever the batch."""
        return all(self.sizer.fits(sizes, batch, device) for batch in BATCHES)
