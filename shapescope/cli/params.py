"""`shapescope params`: every named parameter."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Inputs, ModelName, Output, choices, form_of
from shapescope.diagnostic import ShapescopeError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

    from shapescope.capture.loading.loaded import LoadedModel
    from shapescope.render.line import Line
    from shapescope.render.theme import Surface

FORMATS = ("table", "json", "markdown", "csv")

AFFORDABLE_VALUES = 500_000_000
"""Models with more values than this are read without building them, hence without statistics."""


def register(app: typer.Typer) -> None:
    """Add `params`."""
    app.command("params")(params)


def params(
    model: ModelName,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    show: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="Print the values of one, and draw its kernels.",
        ),
    ] = "",
    statistics: Annotated[
        bool,
        typer.Option(
            "--statistics/--no-statistics", help="Build the model and show how it was initialised."
        ),
    ] = True,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the initial values.")] = 0,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="table, json, markdown or csv; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
) -> int:
    """Show every named parameter: its shape, its axes in words, its values.

    Tied parameters are listed under each of their names and counted once.

    Examples:
    shapescope params network
    shapescope params network --show conv1.weight
    shapescope params torchvision:resnet18 --format csv --output resnet18.csv
    shapescope params net.py:Net --no-statistics
    shapescope params checkpoint.pt
    """
    form = form_of(form, output, FORMATS)
    from shapescope.capture.loader import load
    from shapescope.cli.output import emit, stdout_surface
    from shapescope.cli.output import show as show_lines
    from shapescope.render.params import params_lines
    from shapescope.result import ParamsResult

    loaded = load(model)
    from shapescope.capture.loading.file_weights import without_model

    module, notes = without_model(loaded) or _module(
        loaded, tuple(inputs), real=statistics or bool(show), seed=seed
    )
    if show:
        show_lines(_shown(module, show, stdout_surface(output)), output)
        return 0
    from shapescope.capture.parameters import read_parameters

    table = ParamsResult(loaded.name, read_parameters(module), notes)
    if form == "json":
        emit(table.to_json(), output)
    elif form == "markdown":
        emit(table.to_markdown(), output)
    elif form == "csv":
        emit(table.to_csv(), output)
    else:
        show_lines(params_lines(table, stdout_surface(output)), output)
    return 0


def _module(
    loaded: LoadedModel, inputs: tuple[str, ...], *, real: bool, seed: int
) -> tuple[nn.Module, tuple[str, ...]]:
    """The model, built for real where its values are wanted and that costs little."""
    from shapescope.capture.parameters import is_lazy

    built = loaded.build("meta")
    if is_lazy(built.module):
        if not inputs and not loaded.default_inputs:
            raise ShapescopeError(
                "some layers of this model are lazy: their parameters take shape with an input",
                advice=(f"shapescope params {shlex.quote(loaded.spec)} --input 1,3,32,32",),
            )
        return _materialised(loaded, inputs, seed), ()
    if not real:
        return built.module, ()
    values = sum(tensor.numel() for tensor in built.module.parameters())
    if values > AFFORDABLE_VALUES:
        note = f"{values:,} values are too many to build; no statistics"
        return built.module, (note,)
    return loaded.build("cpu", seed=seed).module, ()


def _materialised(loaded: LoadedModel, inputs: tuple[str, ...], seed: int) -> nn.Module:
    """The model after a forward pass has given its lazy layers their shapes."""
    import torch

    from shapescope.capture.inferring.argument_names import refuse_unknown
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.capture.inputs import make_inputs

    module = loaded.build("cpu", seed=seed).module
    specs = parse_inputs(inputs) or tuple(loaded.default_inputs)
    refuse_unknown((spec.name for spec in specs), module)
    args, kwargs = make_inputs(specs, module, device="cpu", seed=seed)
    with loaded.environment(), torch.no_grad():
        try:
            module(*args, **kwargs)
        except Exception as error:
            raise ShapescopeError(
                f"the forward pass that lazy layers need raises {type(error).__name__}: {error}",
                exit_code=1,
                advice=(f"shapescope trace {shlex.quote(loaded.spec)} --input ... tells why",),
            ) from error
    return module


def _shown(module: nn.Module, name: str, surface: Surface) -> list[Line]:
    """The values of one parameter, and its kernels drawn where it has any."""
    from shapescope.capture.parameters import find_parameter, read_parameters
    from shapescope.render import kernels as render
    from shapescope.render.line import Line
    from shapescope.render.params import meaning

    tensor = find_parameter(module, name)
    parameters = {entry.spec.name: entry for entry in read_parameters(module)}
    if tensor is None:
        inside = [f"`{full}`" for full in parameters if full.startswith(f"{name}.")]
        hint = f"; did you mean {' or '.join(inside[:2])}?" if inside else ""
        raise ShapescopeError(
            f"no parameter is called `{name}`{hint or did_you_mean(name, parameters)}",
            advice=("without --show, every name is listed",),
        )
    if tensor.device.type == "meta":
        raise ShapescopeError(f"the model is too large to build, so `{name}` has no values")
    entry = parameters.get(name)
    shape = tuple(tensor.shape)
    lines = [render.heading(name, shape, meaning(entry) if entry is not None else ""), Line()]
    lines += render.values_lines(tensor.detach().tolist(), shape, surface)
    matrices, names = _matrices(tensor.detach().float())
    if matrices:
        lines += [Line(), *render.kernels_lines(matrices, names, surface)]
    return lines


def _matrices(tensor: object) -> tuple[list[object], list[str]]:
    """A convolution's kernels, one matrix for each pair of output and input channel."""
    from torch import Tensor

    assert isinstance(tensor, Tensor)
    if tensor.dim() not in (3, 4) or tensor.numel() == 0 or tensor.shape[-1] < 2:
        return [], []
    if tensor.dim() == 3:
        tensor = tensor.unsqueeze(2)
    kernels, depth = tensor.shape[:2]
    matrices = tensor.reshape(kernels * depth, *tensor.shape[2:]).tolist()
    places = [(out, into) for out in range(kernels) for into in range(depth)]
    return matrices, [str(out) if depth == 1 else f"{out}, {into}" for out, into in places]
