"""Rules about single samples, tiled batches and folded heads: what they say, and when not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapescope.analysis.diagnosis.intended import intended_swap
from shapescope.analysis.diagnosis.rules.heads import heads_in_rows
from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.session import Request, run_trace

CASES = Path(__file__).parent / "cases"

SINGLE = """\
error[batch-squeezed]: a batch of 1 loses its axis at this line: 1 x 48 becomes 48
  --> model.py:15:28 in Reviews.forward
   |
15 |         score = self.score(joined.squeeze(0))
   |                            ^^^^^^^^^^^^^^^^^ `joined` is 1 x 48 here
16 |         return score.squeeze(1)
   |                ---------------- fails: `score` is 1 here
   |
   = why: squeeze(0) drops axis 0 where it is 1, and that is the batch; with two samples or more it
          stays
help: leave the squeeze away  (verified)
15 ~         score = self.score(joined)
"""

TILED = """\
warning[batch-read-across]: `repeat` lays 2 copies of the batch of 3 one behind the other
  --> model.py:14:16 in Masked.forward
   |
14 |         mask = mask.repeat(self.heads, 1, 1)
   |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `mask` is 3 x 9 x 9 here
   |
   = why: 6 x 9 x 9: rows 0 to 1 are of different samples, and what is laid out sample by sample has
          2 rows of sample 0 there
   = note: shown on real numbers: changing sample 0 changed sample 1 too
help: repeat each sample, not the whole batch  (verified)
14 ~         mask = mask.repeat_interleave(self.heads, dim=0)
"""

HEADS = """\
warning[view-mixes-axes]: 6 x 10 x 16 seen as 12 x 10 x 8 mixes the axis of 10 with others
  --> model.py:14:17 in Fields.forward
   |
14 |         query = self.query(fields).view(rows * self.heads, -1, self.width)
   |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ \
`self.query(fields)` is 6 x 10 x 16 here
15 |         value = self.value(fields).view(rows * self.heads, -1, self.width)
   |                 ---------------------------------------------------------- \
`self.value(fields)` is 6 x 10 x 16 here
18 |         return seen.view(rows, -1, self.heads * self.width)
   |                -------------------------------------------- `seen` is 12 x 10 x 8 here
   |
   = why: a view moves no value: the 10 x 16 of a sample are cut into 2 stretches of 10 rows of 8,
          so no head is apart
          6 x 10 x 2 x 8 cuts the last axis alone; then the heads can be moved behind the batch
help: split the last axis alone, move the heads behind the batch, then fold them  (verified)
14 ~         query = self.query(fields).unflatten(2, (-1, self.width)).transpose(1, 2).flatten(0, 1)
15 ~         value = self.value(fields).unflatten(2, (-1, self.width)).transpose(1, 2).flatten(0, 1)
18 ~         return seen.unflatten(0, (rows, -1)).transpose(1, 2).flatten(2)
"""


def told(name: str, given: str, train: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """The whole text of the diagnosis of a case."""
    folder = CASES / name
    monkeypatch.chdir(folder)
    spec = str(json.loads((folder / "case.json").read_text())["model"])
    result = run_trace(Request(spec, (given,), train=train))
    return plain_text(diagnostics_lines(result.diagnostics, Surface()))


@pytest.mark.parametrize(
    ("name", "given", "train", "text"),
    [
        ("single_review_loses_its_batch", "20,1:int64<300", True, SINGLE),
        ("padding_mask_tiled_over_heads", "3,9:int64<6", False, TILED),
        ("heads_folded_into_rows_by_view", "6,10,8", False, HEADS),
    ],
)
def test_whole_text(
    name: str, given: str, train: bool, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(name, given, train, monkeypatch).strip() == text.strip()


@pytest.mark.parametrize(
    ("sizes", "made", "order"),
    [
        ((2, 12, 4, 8), (2, 4, 12, 8), (0, 2, 1, 3)),
        ((2, 12, 4, 8), (2, 12, 8, 4), (0, 1, 3, 2)),
        ((2, 12, 4, 8), (2, 12, 4, 8), None),
        ((2, 1, 4, 8), (2, 4, 1, 8), None),  # an axis of 1 may go anywhere
        ((2, 4, 4, 8), (2, 4, 8, 4), None),  # which of the two moved is in doubt
        ((12, 2, 4, 8), (2, 12, 4, 8), None),  # the batch is judged by its own rules
    ],
)
def test_the_same_sizes_in_another_order_were_meant_to_move(
    sizes: tuple[int, ...], made: tuple[int, ...], order: tuple[int, ...] | None
) -> None:
    assert intended_swap(sizes, made) == order


@pytest.mark.parametrize(
    ("sizes", "made", "mixed"),
    [
        ((6, 10, 16), (12, 10, 8), True),
        ((10, 6, 16), (10, 12, 8), False),  # time first: the heads stay beside their sample
        ((6, 1, 16), (12, 1, 8), False),  # one step: every head is apart
        ((6, 10, 16), (60, 1, 16), False),
        ((6, 10, 16), (6, 10, 16), False),
    ],
)
def test_heads_that_take_the_place_of_samples(
    sizes: tuple[int, ...], made: tuple[int, ...], mixed: bool
) -> None:
    assert heads_in_rows(sizes, made) is mixed
