"""Receptive fields against gradients, for the classification networks of torchvision.

One output of a feature map is asked for its gradient: the pixels of the input that have one are
what it sees. So that nothing cancels or shuts a way off, weights are random and positive, norms and
activations pass everything on as it is, and a maximum is the sum over its window; several seeds are
put together. Every convolution and pool of a network is looked at, before and behind
squeeze-and-excitation too, whose outputs see the whole picture.

An output whose field lies inside the picture must see just what `receptive_fields` says. A field
that sticks out lies on the padding of some layer, too. Where a stride leaves the last pixels of a
map unread nothing stands behind that padding, and the output sees a part of what is said, never
more: squeezenet reads 95 of 96 pixels, so a field that reaches the border ends a pixel earlier.

Usage: python benchmarks/receptive.py [--seeds N] [--size PIXELS] [MODEL ...]
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapescope.analysis.receptive import ReceptiveField, receptive_fields
from shapescope.capture.tracer import trace_model

MODELS = (
    "alexnet", "squeezenet1_0", "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg16", "vgg19",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2",
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "mnasnet0_5", "mnasnet0_75",
    "mnasnet1_0", "mnasnet1_3", "regnet_x_400mf", "regnet_x_800mf", "regnet_y_400mf",
    "regnet_y_800mf", "googlenet", "inception_v3", "densenet121", "densenet169",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_v2_s", "convnext_tiny", "convnext_small",
)  # fmt: skip

_PASSED_ON = frozenset(
    {"relu", "relu_", "relu6", "hardtanh", "silu", "gelu", "hardswish", "hardsigmoid", "sigmoid",
     "batch_norm", "layer_norm", "dropout"}
)  # fmt: skip

Extent = tuple[int, int]
"""The first pixel along an axis, and the end."""


class Open(TorchFunctionMode):
    """Nothing is shut off: norms and activations pass on, a maximum is the sum of its window."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _PASSED_ON:
            return args[0].view_as(args[0])
        if func is F.max_pool2d or name == "max_pool2d":
            return summed(*args, **kwargs)
        return func(*args, **kwargs)


def summed(
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    **_: Any,
) -> Tensor:
    """The sum over each window of a maximum pool."""
    kernel, steps, edges, spread = (
        (value, value) if isinstance(value, int) else tuple(value)
        for value in (kernel_size, stride or kernel_size, padding, dilation)
    )
    shape = F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode).shape[2:]
    ends = []
    for at in (1, 0):
        last = (shape[at] - 1) * steps[at] + spread[at] * (kernel[at] - 1) + 1
        # With ceil_mode the last window may stick out at the end.
        ends += [edges[at], max(last - x.shape[2 + at] - edges[at], edges[at])]
    channels = x.shape[1]
    ones = torch.ones(channels, 1, *kernel, dtype=x.dtype)
    made = F.conv2d(F.pad(x, ends), ones, None, steps, 0, spread, channels)
    return made[..., : shape[0], : shape[1]] / ones[0].numel()


@dataclass
class Outcome:
    """How the outputs of a network's maps see what is said of them."""

    name: str
    maps: int = 0
    compared: int = 0
    less: int = 0
    wrong: list[str] = field(default_factory=list)


def look_at(name: str, seeds: int, size: int) -> Outcome:
    """Compare the maps of one network."""
    import torchvision

    model = torchvision.models.get_model(name, weights=None).eval()
    trace = trace_model(model, ((torch.zeros(1, 3, size, size),), {}), mode="meta").trace
    said: dict[str, ReceptiveField] = {}
    for step, found in zip(trace.steps, receptive_fields(trace), strict=True):
        if found is not None and step.op in ("conv2d", "max_pool2d", "avg_pool2d"):
            said.setdefault(step.path, found)
    parts = dict(model.named_modules())
    paths = [path for path in said if isinstance(parts[path], nn.Conv2d | nn.MaxPool2d)]
    outcome = Outcome(name, len(paths))
    for (path, at), extents in gradients(model, paths, seeds, size).items():
        for axis, seen in enumerate(extents):
            first, end = extent(said[path], axis, at[axis])
            wanted = max(first, 0), min(end, size)
            outcome.compared += 1
            if seen == wanted:
                continue
            sticks_out = first < 0 or end > size
            if sticks_out and wanted[0] <= seen[0] and seen[1] <= wanted[1]:
                outcome.less += 1
            else:
                text = f"{path} at {at}, axis {axis}: said {(first, end)}, seen {seen}"
                outcome.wrong.append(text)
    return outcome


def extent(found: ReceptiveField, axis: int, at: int) -> Extent:
    """What is said of the output at a place."""
    start = found.start[axis] + at * found.jump[axis]
    return math.floor(start), math.ceil(start + found.size[axis])


def gradients(
    model: nn.Module, paths: list[str], seeds: int, size: int
) -> dict[tuple[str, tuple[int, int]], list[Extent]]:
    """The pixels that have a gradient from an output in the middle and from one in each corner."""
    seen: dict[tuple[str, tuple[int, int]], Tensor] = {}
    maps: dict[str, Tensor] = {}
    for path in paths:
        model.get_submodule(path).register_forward_hook(_keeper(maps, path))
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else 1
            noise = torch.rand(parameter.shape, generator=generator)
            parameter.data = ((noise + 0.5) / fan).double()
        x = torch.rand(1, 3, size, size, generator=generator, dtype=torch.float64)
        x.requires_grad_()
        maps.clear()
        with Open():
            model.double()(x)
        for path, output in maps.items():
            height, width = output.shape[2:]
            for at in {(height // 2, width // 2), (0, 0), (height - 1, width - 1)}:
                value = output[0, :, at[0], at[1]].sum()
                (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
                some = gradient[0].abs().sum(0) > 0
                key = path, at
                seen[key] = seen[key] | some if key in seen else some
    return {key: [_extent(some.any(1)), _extent(some.any(0))] for key, some in seen.items()}


def _keeper(maps: dict[str, Tensor], path: str) -> Callable[..., None]:
    def keep(module: nn.Module, args: Any, output: Tensor) -> None:
        maps.setdefault(path, output)

    return keep


def _extent(some: Tensor) -> Extent:
    places = some.nonzero().flatten().tolist()
    return (places[0], places[-1] + 1) if places else (0, 0)


def main() -> int:
    """Print a line for each network; 1 where an output sees something else than is said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--size", type=int, default=96)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    wrong = 0
    for name in options.models or MODELS:
        started = time.perf_counter()
        one = look_at(name, options.seeds, options.size)
        wrong += bool(one.wrong)
        print(
            f"{'WRONG' if one.wrong else 'equal'} {name:20} {one.maps:4} maps, {one.compared:5} "
            f"extents, {one.less:4} smaller at the border {time.perf_counter() - started:6.1f} s",
            *(f"      {text}" for text in one.wrong[:5]),
            sep="\n",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
