"""Arguments and module attributes as the plain values that attrs hold."""

from __future__ import annotations

from typing import Any, Final

from shapescope.attrs import Plain

NOT_PLAIN: Final[Any] = object()
"""Stands for a value that attrs cannot hold: a tensor, a function, an object."""

_SCALARS = frozenset({int, bool, float, str, type(None)})


def plain(value: Any) -> Any:
    """The value as attrs hold it, or NOT_PLAIN.

    Sequences become tuples, a dtype its name (`float32`), a slice its text (`1:-1`), the ellipsis
    `...`; the symbolic sizes of a tracer become their formula, those of a search for valid sizes
    stay what they are.
    """
    if type(value) in _SCALARS:
        return value
    if isinstance(value, tuple | list):
        if _SCALARS.issuperset(map(type, value)):
            return tuple(value)
        items = tuple(plain(item) for item in value)
        return NOT_PLAIN if any(item is NOT_PLAIN for item in items) else items
    if isinstance(value, slice):
        return slice_text(value)
    if value is Ellipsis:
        return "..."
    if getattr(value, "stays_in_attrs", False):  # a size that keeps its formula
        return value
    if hasattr(value, "node"):  # torch.SymInt
        return _symbolic(value)
    if isinstance(value, int | float | str):  # enums, np.int64
        return _scalar(value)
    if type(value).__name__ == "dtype":
        return str(value).removeprefix("torch.")
    return NOT_PLAIN


def _symbolic(value: Any) -> Plain:
    """A symbolic size's formula, or the number that it has been settled to be."""
    known = getattr(value.node, "maybe_as_int", lambda: None)()
    return str(value) if known is None else int(known)


def plain_sizes(value: Any) -> Any:
    """The same for sizes: a whole number that a tensor holds among them is that number."""
    if isinstance(value, tuple | list):
        return plain([_size(item) for item in value])
    return plain(value)


def _size(value: Any) -> Any:
    if type(value).__name__ != "Tensor" or value.shape != () or value.device.type != "cpu":
        return value
    if value.is_floating_point() or value.is_complex():
        return value
    try:
        return value.item()
    except RuntimeError:  # one that `torch.vmap` or its like stands behind has no number
        return value


def _scalar(value: int | float | str) -> Plain:
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def is_tensor(value: Any) -> bool:
    """Whether the value has a shape and a dtype."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def shape_of(tensor: Any) -> tuple[Any, ...]:
    """The sizes of a tensor: ints, or formulas where they are symbolic."""
    return tuple(size if type(size) is int else plain(size) for size in tensor.shape)


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One entry for each axis from an int, a tuple of one, or a full tuple."""
    if isinstance(value, tuple | list):
        scalars = _SCALARS.issuperset(map(type, value))
        items = tuple(value) if scalars else tuple(plain(item) for item in value)
        return items * axes if len(items) == 1 else items
    return (plain(value),) * axes


def slice_text(value: slice) -> str:
    """`1:-1`, `::2`, `:`; a bound that is a tensor reads `?`."""
    parts = [_bound_text(value.start), _bound_text(value.stop)]
    if value.step not in (None, 1):
        parts.append(_bound_text(value.step))
    return ":".join(parts)


def _bound_text(bound: Any) -> str:
    kept = plain(bound)
    if getattr(kept, "stays_in_attrs", False):
        return kept.text if kept.text.isidentifier() else f"({kept.text})"
    return "" if kept is None else "?" if kept is NOT_PLAIN else str(kept)


def index_items(index: Any) -> tuple[Plain, ...]:
    """What stands between the brackets of `x[...]`, one entry for each item.

    A slice is its text, a new axis `None`, a tensor `tensor` or, where it is a mask, `mask`; a
    list of numbers is a tuple.
    """
    items = index if isinstance(index, tuple) else (index,)
    return tuple(_index_item(item) for item in items)


def _index_item(item: Any) -> Plain:
    if is_tensor(item):
        name = str(item.dtype)
        return "mask" if name.endswith(("bool", "uint8")) else "tensor"
    kept = plain(item)
    return "tensor" if kept is NOT_PLAIN else kept
