"""shapescope from Python: the same facts as the commands, with torchinfo's argument names.

A user of torchinfo changes one import:

    from shapescope import summary

    summary(model, input_size=(1, 3, 32, 32))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shapescope.arguments import given_inputs, in_training, refuse_unknown, way_of
from shapescope.diagnostic import Diagnostic, ShapescopeError
from shapescope.result import ParamsResult, TraceResult

if TYPE_CHECKING:
    from torch import nn  # noqa: TID251 - for annotations only

    from shapescope.render.table import TableOptions

_COLUMNS = {
    "input_size": "input",
    "output_size": "output",
    "num_params": "params",
    "params_percent": "share",
    "kernel_size": "window",
    "groups": "window",
    "mult_adds": "macs",
}
"""torchinfo's names of columns, and ours; every other name is ours already."""


def trace(
    model: nn.Module | str,
    input_size: Any = None,
    input_data: Any = None,
    batch_dim: int | None = None,
    cache_forward_pass: bool | None = None,
    col_names: Sequence[str] | None = None,
    col_width: int | None = None,
    depth: int | None = None,
    device: Any = None,
    dtypes: Sequence[Any] | None = None,
    mode: str | None = None,
    row_settings: Sequence[str] | None = None,
    verbose: int | None = None,
    **kwargs: Any,
) -> TraceResult:
    """Trace one forward pass of a model, which stays as it is, also when its forward raises.

    Args:
        model: a module, or what the commands take as MODEL: `lenet5`, `net.py:Net(10)`.
        input_size: the shape of the input, or a list of shapes for several inputs. With neither
            this nor `input_data`, the model's own input is used, or one is inferred.
        input_data: the input itself: a tensor, a list of them, or a dict of keyword arguments.
        batch_dim: where to put a batch axis of 1 into each shape.
        cache_forward_pass: taken for torchinfo's sake; nothing is kept between calls.
        col_names: columns of the table, ours or torchinfo's.
        col_width: taken for torchinfo's sake; columns take the width they need.
        depth: collapse modules below this depth in the table.
        device: `meta` or `cpu` to insist; left out, the cheapest way that works is found.
        dtypes: the dtype of each shape in `input_size`, by name or as torch's own.
        mode: `train`, `eval`, or `same` as the model is; `eval` if left out.
        row_settings: torchinfo's; `hide_recursive_layers` shows repeated blocks once.
        verbose: 1 or 2 prints the table as well.
        **kwargs: further keyword arguments of the forward pass.

    Raises:
        ShapescopeError: the request cannot be met. A forward pass that raises is no error: the
            result holds the steps up to there, and says why.
    """
    from shapescope.capture.loading.known import require_model
    from shapescope.session import trace_any

    require_model(model)
    refuse_unknown(model, kwargs, trace)
    result = trace_any(
        model,
        given_inputs(model, input_size, input_data, batch_dim, dtypes, kwargs),
        train=in_training(model, mode),
        mode=way_of(device),
    )
    result = result.changed(options=_options(col_names, depth, row_settings))
    if verbose:
        result.show()
    return result


def summary(model: nn.Module | str, *args: Any, **kwargs: Any) -> TraceResult:
    """`trace` that prints the table unless told otherwise, as torchinfo's `summary` does.

    In a notebook the result draws itself, and nothing is printed. Arguments are those of `trace`.
    """
    import sys

    kwargs.setdefault("verbose", 0 if "ipykernel" in sys.modules else 1)
    return trace(model, *args, **kwargs)


def params(model: nn.Module | str, *, seed: int = 0) -> ParamsResult:
    """Every named parameter of a model: shape, meaning of its axes, statistics of its values.

    Args:
        model: a module, or what the commands take as MODEL, which is then built with `seed`.
        seed: of the initial values of a model that is built here.

    Raises:
        ShapescopeError: the model cannot be had, or it is lazy and has no shapes yet.
    """
    from shapescope.capture.loading.known import require_model
    from shapescope.capture.parameters import is_lazy, read_parameters

    require_model(model)
    if isinstance(model, str):
        from shapescope.capture.loader import load
        from shapescope.capture.loading.file_weights import without_model

        loaded = load(model)
        held = without_model(loaded)
        module = loaded.build("cpu", seed=seed).module if held is None else held[0]
        name = loaded.name
    else:
        name, module = type(model).__name__, model
    if is_lazy(module):
        raise ShapescopeError(
            "some layers of this model are lazy: their parameters take shape with a first input",
            advice=("call the model once, then ask again",),
        )
    return ParamsResult(name, read_parameters(module))


def check(
    model: nn.Module | str,
    input_size: Any = None,
    input_data: Any = None,
    *,
    outputs: Sequence[Sequence[int]] | None = None,
    max_params: int | None = None,
    max_macs: int | None = None,
    **kwargs: Any,
) -> tuple[Diagnostic, ...]:
    """What is wrong with a model, nothing if all is well: for tests.

    Args:
        model: a module, or what the commands take as MODEL.
        input_size: as in `trace`.
        input_data: as in `trace`.
        outputs: the shapes that must come out.
        max_params: the most parameters that the model may have.
        max_macs: the most multiply-adds that a forward pass may take.
        **kwargs: any other argument of `trace`.

    Raises:
        ShapescopeError: the request cannot be met.
    """
    from shapescope.analysis.expectations import Expectations, output_shapes, problems

    shapes = None if outputs is None else output_shapes(outputs)
    result = trace(model, input_size, input_data, **kwargs)
    return problems(result, Expectations(shapes, max_params, max_macs))


def _options(
    col_names: Sequence[str] | None, depth: int | None, row_settings: Sequence[str] | None
) -> TableOptions | None:
    if col_names is None and depth is None and row_settings is None:
        return None
    from shapescope.render.rows import RowOptions
    from shapescope.render.table import TableOptions, parse_columns

    names: tuple[str, ...] = ()
    if col_names is not None:
        ours = [_COLUMNS.get(name, name) for name in col_names]
        names = parse_columns(",".join(dict.fromkeys(("path", "op", *ours))))
    fold = True if "hide_recursive_layers" in (row_settings or ()) else None
    return TableOptions(RowOptions(depth=depth, fold=fold), names)
