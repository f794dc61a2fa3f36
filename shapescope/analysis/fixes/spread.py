"""One row for all samples, such as a class token, spread over the batch before it is joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.operands import operand_of, wrap
from shapescope.trace import Step


def over_the_batch(step: Step, shapes: Sequence[tuple[int, ...]], along: int) -> Iterator[Proposal]:
    """`token.expand(x.size(0), -1, -1)` for a tensor whose axis 0 is 1 beside one of a batch.

    Args:
        step: the cat or stack.
        shapes: of what it joins.
        along: the axis it joins along; the batch is another one.
    """
    batch = max((shape[0] for shape in shapes if shape), default=1)
    ranks = {len(shape) for shape in shapes}
    if along == 0 or batch == 1 or len(ranks) != 1:
        return
    full = next(place for place, shape in enumerate(shapes) if shape[0] == batch)
    other = operand_of(step, full)
    if other is None:
        return
    rest = ", -1" * (len(shapes[0]) - 1)
    size = f"{other[0].text(other[1])}.size(0)"
    for place, shape in enumerate(shapes):
        made = wrap(step, place, "", f".expand({size}{rest})") if shape[0] == 1 else None
        if made is not None:
            code, node, text = made
            yield Proposal(
                f"spread it over the batch of {batch}", (code.replace(node, text),), kind="spread"
            )
