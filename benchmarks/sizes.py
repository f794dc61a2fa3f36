"""`shapescope sizes` against brute force: every size of 1..LAST, square and not, on meta.

    python benchmarks/sizes.py                      # all models, samples of large ones
    python benchmarks/sizes.py --full               # every pair of sizes, however long it takes
    python benchmarks/sizes.py --only UNet --last 120 --points 3000
    python benchmarks/sizes.py --promised --full --record findings    # again in seconds

The brute force knows nothing of shapescope: it builds the model, runs it for batches of 2 and 3
and looks whether every output starts with the batch. `cpu` cases run on real tensors, where values
or the CPU's own refusals decide.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import size_record  # type: ignore[import-not-found,unused-ignore]
import torch
from size_truth import Truth  # type: ignore[import-not-found,unused-ignore]

from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.networks.registry import NETWORKS
from shapescope.render.sizes_json import sizes_to_dict
from shapescope.sizing import valid_sizes

MODELS = Path(__file__).resolve().parent.parent / "tests" / "sizes" / "models"


class Case(NamedTuple):
    """A model, the inputs asked for, and what decides whether a size fits."""

    model: str
    inputs: tuple[str, ...] = ()
    device: str = "meta"


def _own(file: str, name: str, *inputs: str, device: str = "meta") -> Case:
    return Case(f"{MODELS / file}:{name}", inputs, device)


NAMED = (
    *(Case(name) for name in (entry.name for entry in NETWORKS)),
    *(Case(f"torchvision:{name}") for name in ("alexnet", "vgg16")),
    _own("maps.py", "UNet", "1,3,64,64"),
    _own("maps.py", "Discriminator", "1,3,64,64"),
    _own("maps.py", "Generator", "1,100,1,1"),
    _own("maps.py", "FixedPoolResNet", "1,3,256,256"),
    *(_own("randomly.py", f"RandomCNN({seed})", "1,3,64,64") for seed in range(10)),
)
"""The models that the project promises."""

OTHERS = (
    _own("maps.py", "PaddedUNet", "1,3,64,64"),
    _own("maps.py", "CropUNet", "1,1,64,64"),
    _own("maps.py", "CifarResNet", "1,3,64,64"),
    _own("maps.py", "PoolShortcut", "1,3,64,64"),
    _own("maps.py", "GlobalPool", "1,3,64,64"),
    _own("maps.py", "Captcha", "4,3,160,280"),
    _own("maps.py", "CeilPools", "1,1,28,28"),
    _own("maps.py", "Windows", "1,3,64,64"),
    _own("maps.py", "PaddedWindows", "1,3,64,64"),
    _own("maps.py", "ViT", "1,3,72,72"),
    _own("maps.py", "SquareAttention", "1,1,16,20"),
    _own("maps.py", "Spectrogram", "1,1,80,100"),
    _own("maps.py", "OddScale", "1,3,32,32"),
    _own("maps.py", "HalfScale", "1,3,33,33"),
    _own("maps.py", "Broadcasting", "1,1,32,32"),
    _own("maps.py", "Branches", "1,3,64,64"),
    _own("maps.py", "Asserts", "1,3,64,64"),
    _own("maps.py", "Shuffle", "1,3,64,64"),
    _own("maps.py", "InstanceNormed", "1,3,64,64"),
    _own("maps.py", "LayerNormed", "1,3,64,64"),
    _own("maps.py", "ReflectPadded", "1,3,64,64"),
    _own("maps.py", "FoldsBatch", "1,1,16,16"),
    _own("maps.py", "FramesUndone", "1,3,16,16"),
    _own("maps.py", "TwoScales", "1,3,64,64"),
    _own("maps.py", "AdaptiveAndFixed", "1,3,64,64"),
    _own("maps.py", "Unpooled", "1,3,33,33", device="cpu"),
    _own("maps.py", "OutputSize", "1,3,32,32"),
    _own("maps.py", "Pyramid", "1,3,64,64"),
    _own("maps.py", "Strided", "1,3,33,33"),
    _own("maps.py", "Chunked", "1,3,32,32"),
    _own("maps.py", "Positions", "1,3,32,32", device="cpu"),
    _own("maps.py", "IntArithmetic", "1,3,32,32"),
    _own("maps.py", "Squeezed", "1,3,64,64"),
    _own("maps.py", "NeverFits", "1,3,64,64"),
    _own("maps.py", "AnySize", "1,3,64,64"),
    _own("maps.py", "SquareRoot", "1,3,32,32"),
    _own("others.py", "Sequence1d", "1,4,200"),
    _own("others.py", "Wave", "1,1000"),
    _own("others.py", "Positional", "1,100,8"),
    _own("others.py", "Tokens", "1,100:int64", device="cpu"),
    _own("others.py", "Rnn", "1,30,12"),
    _own("others.py", "Causal", "1,40,12"),
    _own("others.py", "Mlp", "1,784"),
    _own("others.py", "FlatMlp", "1,1,28,28"),
    _own("others.py", "Volume", "1,1,16,32,32"),
    _own("others.py", "SuperResolution", "1,3,16,16", "1,1,32,32"),
    _own("others.py", "TwoImages", "1,3,32,32", "other=1,3,40,40"),
    _own("others.py", "ImageAndVector", "1,3,32,32", "1,5"),
    _own("others.py", "CrossAttention", "1,5,8", "1,9,8", "1,7:bool"),
    _own("others.py", "ChannelsLast", "1,32,32,3"),
    _own("others.py", "BatchLoop", "1,3,32,32"),
    _own("others.py", "StepLoop", "1,9,6"),
    _own("others.py", "Video", "1,4,3,16,16"),
    _own("others.py", "Fourier", "1,40"),
    _own("others.py", "Bilinear2", "1,100"),
    _own("others.py", "Patches", "1,3,18,18"),
)
"""More kinds of limits."""


PEOPLE = (
    _own("more.py", "OddCropUNet", "1,3,64,64"),
    _own("more.py", "ResizeUNet", "1,3,64,64"),
    _own("more.py", "Aspp", "1,3,64,64"),
    _own("more.py", "UnpaddedAspp", "1,3,64,64"),
    _own("more.py", "Fpn", "1,3,64,64"),
    _own("more.py", "FpnToSize", "1,3,64,64"),
    _own("more.py", "InterpolatedPositions", "1,3,64,64"),
    _own("more.py", "PixelNet", "1,3,64,64"),
    _own("more.py", "AdaptiveHead", "1,3,64,64"),
    _own("more.py", "AssertedSizes", "1,3,64,64"),
    _own("more.py", "ReshapeTrick", "1,3,64,64"),
    _own("more.py", "FixedResize", "1,3,64,64"),
    _own("more.py", "HalfAndBack", "1,3,64,64"),
    _own("more.py", "ThreeHalves", "1,3,64,64"),
    _own("more.py", "DenseSkips", "1,3,64,64"),
    _own("more.py", "GlobalThenLinear", "1,3,64,64"),
    _own("more.py", "BrokenChannels", "1,3,64,64"),
    _own("more.py", "BrokenProduct", "1,3,64,64"),
    _own("more.py", "Yolo", "1,3,64,64"),
    _own("more.py", "SqueezeExcite", "1,3,64,64"),
    _own("more.py", "NonLocal", "1,3,64,64"),
    _own("more.py", "DivisorPad", "1,3,64,64"),
    _own("more.py", "Haar", "1,3,64,64"),
    _own("more.py", "EveryBatch", "1,3,64,64"),
    _own("more.py", "ValidUNet", "1,1,92,92"),
    _own("more.py", "PatchTransformer", "1,3,32,48"),
    _own("more.py", "WindowAttention", "1,3,56,56"),
    _own("more.py", "CeilNet", "1,3,24,24"),
    _own("more.py", "WaveEncoder", "1,4000"),
    _own("more.py", "M5", "1,1,8000"),
    _own("more.py", "WaveUNet", "1,1,400"),
    _own("more.py", "Tcn", "1,4,50"),
    _own("more.py", "TinyGpt", "1,16:int64", device="cpu"),
    _own("more.py", "SinusoidalText", "1,20:int64", device="cpu"),
    _own("more.py", "TextCnn", "1,30:int64", device="cpu"),
    _own("more.py", "ImageAndDepth", "1,3,64,64", "1,1,32,32"),
    _own("more.py", "TwoLengths", "1,10,6", "1,12,5", device="cpu"),
    _own("more.py", "Autoencoder", "1,1,28,28"),
    _own("more.py", "Vae", "1,3,32,32"),
    _own("more.py", "BrokenFlatten", "1,1,32,32"),
    _own("more.py", "SpatialTransformer", "1,1,28,28"),
    _own("more.py", "Crnn", "1,1,32,100"),
    _own("more.py", "Mixer", "1,3,24,20"),
    _own("more.py", "Conv3dNet", "1,3,4,40,40"),
    _own("more.py", "FeaturesThenMax", "1,3,100"),
    _own("more.py", "Folded", "1,3,33,33"),
    _own("more.py", "Siamese", "1,1,48,48", "1,1,48,48"),
)
"""Networks as people write them."""


OPEN = (
    _own("open_shapes.py", "PaddedUNet", "1,3,64,64"),
    _own("open_shapes.py", "TextReader", "1,1,32,64"),
    _own("open_shapes.py", "SuperResolution", "1,3,16,16"),
    _own("open_shapes.py", "TokenAttention", "1,3,32,32"),
    _own("open_shapes.py", "Windows", "1,3,48,48"),
    _own("open_shapes.py", "PyramidPooling", "1,3,32,32"),
    _own("open_shapes.py", "Decoder", "1,3,32,32"),
    _own("open_shapes.py", "Strided", "1,3,32,32"),
    _own("open_shapes.py", "Products", "1,3,32,32"),
    _own("open_shapes.py", "Patches", "1,3,32,32", device="cpu"),
    _own("open_shapes.py", "Grids", "1,3,32,32"),
    _own("open_shapes.py", "Sorted", "1,3,32,32"),
)
"""Networks whose shapes hang on their input's."""


class Claim:
    """What the JSON answer says of sizes, read as its description says."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._parts = [
            (
                part.get("ranges", {}),
                [compile(text, "where", "eval") for text in part.get("where", [])],
            )
            for part in data["valid"]
        ]

    def __call__(self, sizes: Mapping[str, int]) -> bool:
        """Whether they are said to fit."""
        return any(
            all(_in_a_range(sizes[name], ranges) for name, ranges in by_axis.items())
            # our own answer, without builtins
            and all(eval(code, dict(_NAMES), dict(sizes)) for code in where)  # noqa: S307
            for by_axis, where in self._parts
        )


_NAMES = {"min": min, "max": max, "abs": abs, "__builtins__": {}}


def _in_a_range(size: int, ranges: Sequence[Sequence[Any]]) -> bool:
    return any(
        size >= first and (last is None or size <= last) and (size - first) % step == 0
        for first, last, step in ranges
    )


def points(
    data: Mapping[str, Any], last: int, count: int, *, full: bool
) -> Iterator[dict[str, int]]:
    """Sizes to try: all of them, or every one along each axis and the diagonal, and others."""
    axes = [axis["name"] for axis in data["axes"]]
    if data["searched_to"] is not None:
        last = min(last, data["searched_to"])
    if full or last ** len(axes) <= count:
        for sizes in itertools.product(range(1, last + 1), repeat=len(axes)):
            yield dict(zip(axes, sizes, strict=True))
        return
    draw = random.Random(0)
    base = [given["sizes"] for given in data["gives"]][:2] or [data["as_asked"]["sizes"]]
    chosen: list[dict[str, int]] = []
    for size in range(1, last + 1):
        chosen.append(dict.fromkeys(axes, size))
        for sizes in base:
            if all(other <= last for other in sizes.values()):
                chosen += [{**sizes, axis: size} for axis in axes]
    chosen += [{axis: draw.randint(1, last) for axis in axes} for _ in range(count)]
    # in no order, so that what there is time for is a sample of all
    draw.shuffle(chosen)
    yield from chosen


class Plan(NamedTuple):
    """Which sizes are tried, and where the findings of full runs are kept."""

    last: int
    random: int
    seconds: float
    full: bool
    record: Path | None


def findings(
    case: Case, data: Mapping[str, Any], plan: Plan
) -> Iterator[tuple[dict[str, int], bool]]:
    """The sizes that are tried, and whether the model runs at each."""
    about = size_record.header(case, data["axes"], plan.last)
    kept = size_record.read(plan.record, about) if plan.record and plan.full else None
    every = points(data, plan.last, plan.random, full=plan.full)
    if kept is not None:
        # a search that ends early tries fewer sizes than were recorded
        whole = points({**data, "searched_to": None}, plan.last, plan.random, full=True)
        known = {
            tuple(sizes.values()): fits == "1" for sizes, fits in zip(whole, kept, strict=True)
        }
        yield from ((sizes, known[tuple(sizes.values())]) for sizes in every)
        return
    found: list[str] = []
    began = time.monotonic()
    with Truth(case.model, case.inputs, data["axes"], case.device) as truth:
        for sizes in every:
            fits = truth(sizes)
            found.append("01"[fits])
            yield sizes, fits
            if not plan.full and time.monotonic() - began > plan.seconds:
                return
    if plan.record and plan.full and data["searched_to"] is None:
        size_record.write(plan.record, about, "".join(found))


def run(case: Case, plan: Plan) -> tuple[int, str]:
    """How many sizes are wrong, and a line about it."""
    began = time.monotonic()
    loaded = load(case.model)
    data = sizes_to_dict(valid_sizes(loaded, parse_inputs(case.inputs) or None))
    took = time.monotonic() - began
    claimed = Claim(data)
    wrong: list[dict[str, int]] = []
    tried = fitting = 0
    began = time.monotonic()
    for sizes, fits in findings(case, data, plan):
        tried += 1
        fitting += fits
        if fits != claimed(sizes):
            wrong.append(sizes)
    proof = "proven" if data["searched_to"] is None else f"to {data['searched_to']}"
    name = case.model.rsplit("/", 1)[-1]
    line = (
        f"{name:<34}{took:7.2f} s  {proof:<8}{tried:>7} tried{fitting:>7} fit{len(wrong):>6} wrong"
        f"  in {time.monotonic() - began:.0f} s"
    )
    if wrong:
        line += f"   {wrong[:3]} valid={data['valid']}"
    return len(wrong), line


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each model; 1 if any size is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--last", type=int, default=300)
    parser.add_argument("--points", type=int, default=1500, help="random sizes for each model")
    parser.add_argument("--seconds", type=float, default=20.0, help="at most, for each model")
    parser.add_argument("--full", action="store_true", help="every pair of sizes")
    parser.add_argument("--only", default="", help="models whose name has this in it")
    parser.add_argument("--after", default="", help="begin behind the model with this in its name")
    parser.add_argument("--people", action="store_true", help="only the networks of people")
    parser.add_argument("--open", action="store_true", help="only those with open shapes")
    parser.add_argument("--promised", action="store_true", help="only the promised models")
    parser.add_argument("--record", type=Path, help="folder for what full runs found, used again")
    options = parser.parse_args(arguments)
    plan = Plan(options.last, options.points, options.seconds, options.full, options.record)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    total = 0
    cases = NAMED if options.promised else (*NAMED, *OTHERS, *PEOPLE, *OPEN)
    cases = PEOPLE if options.people else OPEN if options.open else cases
    behind = not options.after
    for case in cases:
        if not behind:
            behind = options.after in case.model
            continue
        if options.only not in case.model:
            continue
        count, line = run(case, plan)
        total += count
        print(line, flush=True)
    print(f"{total} sizes wrong")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
