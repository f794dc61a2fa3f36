"""What the arguments of `shapescope.trace` ask for, which are torchinfo's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapescope.diagnostic import ShapescopeError, did_you_mean

if TYPE_CHECKING:
    from torch import nn  # noqa: TID251 - for annotations only

    from shapescope.capture.input_spec import InputSpec

_SHAPES = "give a shape, as in (1, 3, 32, 32), or a list of shapes; a tensor goes to `input_data`"


def given_inputs(
    model: nn.Module | str,
    input_size: Any,
    input_data: Any,
    batch_dim: int | None,
    dtypes: Sequence[Any] | None,
    kwargs: Mapping[str, Any],
) -> tuple[InputSpec, ...] | tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The inputs as specs to make them from, or as `(args, kwargs)`; None if none were given.

    Raises:
        ShapescopeError: they cannot be read, or forward has no such argument.
    """
    if input_size is not None and input_data is not None:
        raise ShapescopeError("`input_size` and `input_data` exclude each other; give one of them")
    if input_data is not None:
        if isinstance(input_data, Mapping):
            return (), {**input_data, **kwargs}
        several = isinstance(input_data, list | tuple)
        return (tuple(input_data) if several else (input_data,)), dict(kwargs)
    if input_size is None:
        return ((), dict(kwargs)) if kwargs else None
    specs = _specs(input_size, batch_dim, dtypes)
    if not kwargs:
        return specs
    from shapescope.capture.inputs import make_inputs

    args, _ = make_inputs(specs, _module(model), device="cpu")
    return args, dict(kwargs)


def refuse_unknown(
    model: nn.Module | str, kwargs: Mapping[str, Any], function: Callable[..., Any]
) -> None:
    """Make sure that forward takes what no argument of a function of ours is called.

    Raises:
        ShapescopeError: it does not.
    """
    import inspect

    from shapescope.capture.inferring.argument_names import keywords_of

    if not kwargs:
        return
    try:
        known = keywords_of(_module(model))
    except ShapescopeError as error:
        if error.exit_code == 2:
            raise
        return  # a model that cannot be built is told of as a result
    for name in kwargs:
        if known is not None and name not in known:
            ours = inspect.signature(function).parameters
            raise ShapescopeError(
                f"neither `{function.__name__}` nor forward has an argument `{name}`"
                + did_you_mean(name, (*ours, *known))
            )


def _module(model: nn.Module | str) -> nn.Module:
    if not isinstance(model, str):
        return model
    from shapescope.capture.loader import load

    return load(model).build("meta").module


def _specs(
    input_size: Any, batch_dim: int | None, dtypes: Sequence[Any] | None
) -> tuple[InputSpec, ...]:
    from shapescope.capture.input_spec import InputSpec

    if not _is_sequence(input_size):
        raise ShapescopeError(f"`input_size` is {_said(input_size)}; {_SHAPES}")
    shapes = [input_size] if all(isinstance(size, int) for size in input_size) else input_size
    names = [str(dtype).removeprefix("torch.") for dtype in dtypes or ()]
    names += ["float32"] * (len(shapes) - len(names))
    made = []
    for shape, dtype in zip(shapes, names, strict=True):
        if not _is_sequence(shape):
            raise ShapescopeError(f"`input_size` holds {_said(shape)}; {_SHAPES}")
        sizes = list(shape)
        if any(not isinstance(size, int) or size < 1 for size in sizes):
            shown = ", ".join(str(size) if _is_number(size) else _said(size) for size in sizes)
            raise ShapescopeError(f"`input_size` holds ({shown}); give whole numbers above 0")
        if batch_dim is not None:
            sizes.insert(batch_dim, 1)
        made.append(InputSpec(tuple(sizes), dtype))
    return tuple(made)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _said(value: Any) -> str:
    """A value in a few words: a tensor's values say nothing here, and may be many."""
    if _is_number(value) or value is None:
        return str(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return "a tensor"
    return f"a {type(value).__name__}"


def in_training(model: nn.Module | str, mode: str | None) -> bool:
    """Whether torchinfo's `mode` asks for training mode.

    Raises:
        ShapescopeError: it is none of the modes.
    """
    if mode not in (None, "train", "eval", "same"):
        raise ShapescopeError(f"`mode` is {mode!r}; give 'train', 'eval' or 'same'")
    if mode == "same" and not isinstance(model, str):
        return bool(model.training)
    return mode == "train"


def way_of(device: Any) -> str:
    """The way to trace that a device asks for: shapes are the same on all of those that compute.

    Raises:
        ShapescopeError: torch knows no such device.
    """
    if device is None:
        return "auto"
    from shapescope.capture.loading.known import device_kind

    return "meta" if device_kind(device) == "meta" else "real"
