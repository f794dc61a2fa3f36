"""What ops do to the batch that do more to it than the flow of their axes tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from shapescope.analysis.batch.flowing import Given, Note
from shapescope.analysis.batch.layout import Axis, Factor, Layout, plain, regroup
from shapescope.attrs import AttentionAttrs, CallAttrs, RecurrentAttrs
from shapescope.ops.indexing import index_plan, parse_slice
from shapescope.trace import Step

Rule: TypeAlias = Callable[[Step, Given, list[Note]], Layout | None]


def _reshape(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    layout = given[0]
    if layout is None:
        return None
    sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
    if 0 in sizes:  # nothing is there that could go to another sample
        return None
    axes = regroup(layout.axes, sizes)
    place = layout.batch_place
    if axes is not None and _in_another_order(layout, sizes):
        notes.append(Note("scrambled", 0, place or 0))
        return None
    if axes is None:
        if place is None:
            return Layout(tuple(plain(size) for size in sizes), layout.from_input, layout.table)
        notes.append(Note(_cut_kind(layout, sizes, place), 0, place))
        return None
    made = Layout(axes, layout.from_input, layout.table)
    if layout.batch_axis is not None and made.batch_axis is None and made.from_input:
        one_row = made.batch_place != 0 or len(made.axes) == 1
        notes.append(Note("swallowed" if one_row else "folded", 0, place or 0))
    elif place is not None and not _in_order(made, sizes):
        notes.append(Note("scrambled", 0, place))
    return made


def _in_another_order(layout: Layout, sizes: Sequence[int]) -> bool:
    """Whether a reshape names the very sizes there are, and the batch at another place.

    It was meant to move axes, and moves none.
    """
    place = layout.batch_axis
    given = layout.sizes
    if place is None or not layout.from_input or given[place] == 1:
        return False
    distinct = len(set(given)) == len(given)
    return distinct and sorted(given) == sorted(sizes) and sizes[place] != given[place]


def _cut_kind(layout: Layout, sizes: Sequence[int], place: int) -> str:
    """What a reshape that cuts the batch apart comes to: other rows, or a part of the features."""
    batch = next(factor.size for factor in layout.axes[place].factors if factor.is_batch)
    if batch > 1 and batch in sizes[0 if place else 1 :]:
        return "scrambled"
    if place == 0 and sizes and sizes[0] != batch:
        return "folded" if sizes[0] > batch or len(sizes) < 2 else "swallowed"
    return "scrambled"


def _in_order(made: Layout, sizes: Sequence[int]) -> bool:
    """Whether an axis as long as the batch is the batch: another one only looks like it."""
    place = made.batch_place
    if place is None:
        return True
    factor = next(factor for factor in made.axes[place].factors if factor.is_batch)
    lookalike = [at for at, size in enumerate(sizes) if size == factor.size and size > 1]
    return not lookalike or made.axes[lookalike[0]].has_batch


def _squeeze(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    layout = given[0]
    if layout is None:
        return None
    dim = step.attrs.get("dim") if isinstance(step.attrs, CallAttrs) else None
    rank = len(layout.axes)
    if dim is None:
        gone = {at for at, axis in enumerate(layout.axes) if axis.size == 1}
    else:
        dims = dim if isinstance(dim, tuple) else (dim,)
        gone = {one % max(rank, 1) for one in dims if isinstance(one, int)}
        gone = {at for at in gone if layout.axes[at].size == 1}
    place = layout.batch_axis
    if place is not None and place in gone and layout.from_input:
        notes.append(Note("squeezed", 0, place))
        return None
    kept = tuple(axis for at, axis in enumerate(layout.axes) if at not in gone)
    return Layout(kept, layout.from_input, layout.table)


def _cat(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    dim = step.attrs.get("dim", 0) if isinstance(step.attrs, CallAttrs) else 0
    known = [layout for layout in given if layout is not None and layout.axes]
    if len(known) != len(given) or not isinstance(dim, int) or not known:
        return None
    rank = len(known[0].axes)
    along = dim % rank
    from_input = any(layout.from_input for layout in known)
    lengths = [layout.axes[along].size for layout in known if len(layout.axes) == rank]
    places = {layout.batch_place for layout in known if layout.from_input} - {None}
    if along in places:
        if len(set(lengths)) == 1 and all(layout.axes[along].has_batch for layout in known):
            factors = (Factor(len(known)), *known[0].axes[along].factors)
            notes.append(Note("joined", 0, along))
            axes = list(known[0].axes)
            axes[along] = Axis(factors)
            return Layout(tuple(axes))
        notes.append(Note("joined", 0, along))
        return None
    axes = []
    for at in range(rank):
        of_batch = next((one.axes[at] for one in known if one.axes[at].has_batch), None)
        if at == along:
            axes.append(plain(sum(lengths), varies=any(one.axes[at].varies for one in known)))
        else:
            axes.append(of_batch or known[0].axes[at])
    return Layout(tuple(axes), from_input, known[0].table)


def _cut(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    """chunk, split, narrow: pieces of the batch axis that are the batch again."""
    layout = given[0]
    if layout is None:
        return None
    sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
    return _pieces(layout, sizes, notes)


def _pieces(layout: Layout, sizes: Sequence[int], notes: list[Note]) -> Layout | None:
    if len(sizes) != len(layout.axes):
        return None
    axes = []
    for at, (axis, size) in enumerate(zip(layout.axes, sizes, strict=True)):
        if axis.size == size:
            axes.append(axis)
        elif not axis.has_batch:
            axes.append(plain(size, varies=axis.varies))
        else:
            front, rest = axis.factors[0], axis.factors[1:]
            inner = Axis(rest) if rest else None
            if inner is not None and not front.is_batch and inner.size == size:
                axes.append(inner)
            else:
                notes.append(Note("picked", 0, at))
                return None
    return Layout(tuple(axes), layout.from_input, layout.table)


def _getitem(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    layout, plan = given[0], index_plan(step)
    if layout is None or plan is None:
        return None
    place = layout.batch_place
    whole = [item for _, item in plan if item in ("tensor", "mask") or isinstance(item, tuple)]
    if whole:
        at_batch = [item for at, item in plan if at == place and item in ("tensor", "mask")]
        own = len(whole) >= 2 and at_batch and _rows_of_their_own(step)
        sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
        if own and sizes and layout.axes[place or 0].size == sizes[0]:
            axes = [plain(size) for size in sizes]
            axes[0] = layout.axes[place or 0]
            return Layout(tuple(axes))
        return None
    axes = []
    for at, item in plan:
        if item is None:
            axes.append(plain(1, varies=False))
            continue
        axis = layout.axes[at]
        if isinstance(item, int) and not isinstance(item, bool):
            if axis.has_batch and layout.from_input:
                if axis.factors[0].is_batch or len(axis.factors) == 1:
                    notes.append(Note("picked", 0, at))
                    return None
                axes_inner = Axis(axis.factors[1:])
                if axes_inner.has_batch:
                    notes.append(Note("picked", 0, at))
                    return None
            continue
        found = parse_slice(item) if isinstance(item, str) else None
        if found is None:
            return None
        length = len(range(*slice(*found).indices(axis.size)))
        if length == axis.size:
            axes.append(axis)
            continue
        if axis.has_batch and layout.from_input:
            piece = _pieces(Layout((axis,)), [length], notes)
            if piece is None:
                return None
            axes.append(piece.axes[0])
        else:
            axes.append(plain(length, varies=axis.varies and length > 1))
    return Layout(tuple(axes), layout.from_input, layout.table)


def _rows_of_their_own(step: Step) -> bool:
    """`x[arange(n), lengths]`: one entry for each row, the usual way to take a last step."""
    return len(step.inputs) > 2


def _recurrent(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    layout, attrs = given[0], step.attrs
    if layout is None or not isinstance(attrs, RecurrentAttrs):
        return None
    rank = len(layout.axes)
    place = layout.batch_place
    right = 0 if attrs.cell or attrs.batch_first else 1
    if attrs.cell and rank == 1:
        right = -1
    if rank == 2 and not attrs.cell:
        right = -1
    if place is not None and layout.from_input and place != right:
        notes.append(Note("read-across", 0, place))
        return None
    sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
    if len(sizes) != rank:
        return None
    return Layout((*layout.axes[:-1], plain(sizes[-1])))


def _attention(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    layout = given[0]
    if layout is None:
        return None
    rank = len(layout.axes)
    place = layout.batch_place
    if isinstance(step.attrs, AttentionAttrs):
        right = 0 if step.attrs.batch_first else 1
        crossed = place is not None and (rank == 2 or place != right)
    else:
        crossed = place is not None and place >= rank - 2
    if crossed and place is not None and layout.from_input:
        notes.append(Note("read-across", 0, place))
        return None
    sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
    if len(sizes) != rank:
        return None
    return Layout((*layout.axes[:-1], plain(sizes[-1])))


def _embedding(step: Step, given: Given, notes: list[Note]) -> Layout | None:
    layout = given[0]
    if layout is None or not step.outputs[0].shape:
        return None
    last = step.outputs[0].shape[-1]
    if not isinstance(last, int):
        return None
    return Layout((*layout.axes, plain(last)), layout.from_input, _index_table(layout, step))


def _index_table(layout: Layout, step: Step) -> str | None:
    """Looking up `arange` gives a table; looking up data gives data."""
    return None if layout.from_input else (step.path or "embedding")


SPECIAL: Mapping[str, Rule] = {
    "reshape": _reshape,
    "view": _reshape,
    "flatten": _reshape,
    "unflatten": _reshape,
    "view_as": _reshape,
    "reshape_as": _reshape,
    "squeeze": _squeeze,
    "cat": _cat,
    "chunk": _cut,
    "split": _cut,
    "tensor_split": _cut,
    "narrow": _cut,
    "getitem": _getitem,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rnn": _recurrent,
    "lstm_cell": _recurrent,
    "gru_cell": _recurrent,
    "rnn_cell": _recurrent,
    "multi_head_attention": _attention,
    "scaled_dot_product_attention": _attention,
    "embedding": _embedding,
}
"""Ops whose rule is more than the flow of their axes (see `flowing`)."""
