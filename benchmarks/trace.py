"""How long a trace takes: shapescope with everything on against the bare forward and the peers.

Each model is measured in a fresh process; within it the contestants run in turn, so that a machine
that slows down slows all of them. Printed are medians, and ratios to the bare meta forward.

Usage: python benchmarks/trace.py [--rounds 7] [MODEL ...]
       python benchmarks/trace.py --chain        (1,000 against 10,000 layers)
       python benchmarks/trace.py --memory       (peak memory over the bare import)
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

MODELS = (
    "lenet5", "alexnet", "vgg16", "resnet18", "resnet50", "resnet152", "densenet201",
    "mobilenet_v3_large", "efficientnet_b7", "convnext_large", "vit_b_16", "vit_h_14", "swin_v2_b",
    "maskrcnn_resnet50_fpn", "raft_large", "deeplabv3_resnet101", "r3d_18",
)  # fmt: skip
REAL_ONLY = frozenset({"maskrcnn_resnet50_fpn"})
"""What meta cannot do; the bare forward is then a real one."""


def spec_of(name: str) -> str:
    """What `load` takes."""
    return name if name == "lenet5" else f"torchvision:{name}"


def contestants(name: str) -> dict[str, Callable[[], Any]]:
    """What is measured for a model, by name; `bare` first."""
    import torch

    from shapescope.analysis.check import check_trace
    from shapescope.analysis.cost import totals
    from shapescope.analysis.receptive import receptive_fields
    from shapescope.capture.inputs import make_inputs
    from shapescope.capture.loader import load
    from shapescope.capture.tensors import meta_copy
    from shapescope.capture.tracer import trace_model

    loaded = load(spec_of(name))
    device = "cpu" if name in REAL_ONLY else "meta"
    model = loaded.build(device).module.eval()
    if device == "meta":
        model = meta_copy(model)
    args, kwargs = make_inputs(loaded.default_inputs, model, device=device)

    def bare() -> Any:
        with torch.no_grad():
            return model(*args, **kwargs)

    def shapescope() -> Any:
        trace = trace_model(model, (args, kwargs)).trace
        assert trace.failure is None
        return check_trace(trace), totals(trace), receptive_fields(trace)

    found: dict[str, Callable[[], Any]] = {"bare": bare, "shapescope": shapescope}
    if device == "meta":
        found |= peers(model, args, kwargs)
    return found


def peers(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Torchinfo on meta and torch's own counter, on the same model."""
    import torch
    import torchinfo
    from torch.utils.flop_counter import FlopCounterMode

    def counter() -> Any:
        with FlopCounterMode(display=False), torch.no_grad():
            return model(*args, **kwargs)

    def info() -> Any:
        return torchinfo.summary(model, input_data=args, device="meta", verbose=0, mode="eval")

    return {"torchinfo": info, "FlopCounterMode": counter}


def measure(name: str, rounds: int) -> dict[str, float]:
    """Median milliseconds of each contestant, run in turn after one round that is not counted."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    running = contestants(name)
    taken: dict[str, list[float]] = {who: [] for who in running}
    for round_number in range(rounds + 1):
        for who in list(running):
            started = time.perf_counter()
            try:
                running[who]()
            except (RuntimeError, NotImplementedError, TypeError):
                # A peer that cannot do this model drops out; we may not.
                if who in ("bare", "shapescope"):
                    raise
                del running[who], taken[who]
                continue
            if round_number:
                taken[who].append(1000 * (time.perf_counter() - started))
    return {who: statistics.median(times) for who, times in taken.items()}


def chain(rounds: int = 5) -> float:
    """How many times as long 10,000 layers take as 1,000."""
    import torch
    from torch import nn

    from shapescope.analysis.check import check_trace
    from shapescope.analysis.cost import totals
    from shapescope.analysis.receptive import receptive_fields
    from shapescope.capture.tracer import trace_model

    torch.set_num_threads(1)
    medians = []
    for count in (1_000, 10_000):
        with torch.device("meta"):
            model = nn.Sequential(*(nn.Conv1d(2, 2, 3, padding=1) for _ in range(count))).eval()
        inputs: Any = ((torch.empty(1, 2, 8, device="meta"),), {})
        taken = []
        for _ in range(rounds):
            started = time.perf_counter()
            trace = trace_model(model, inputs).trace
            check_trace(trace), totals(trace), receptive_fields(trace)
            taken.append(time.perf_counter() - started)
        medians.append(statistics.median(taken))
    print(f"1,000 layers {medians[0]:.2f} s, 10,000 layers {medians[1]:.2f} s")
    return medians[1] / medians[0]


MEMORY = """
import resource, sys
import torch, torchvision
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from shapescope.session import trace_any
from shapescope.capture.loader import load
result = trace_any(load(sys.argv[1]), None)
assert result.trace.failure is None and result.trace.mode == "meta", result.notes
result.totals, result.checks, result.receptive_fields
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, result.totals.params)
"""


def memory(specs: tuple[str, ...]) -> None:
    """Megabytes over the bare import of torch and torchvision, each in a fresh process."""
    for spec in specs:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, spec], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{spec}: {done.stderr.strip().splitlines()[-1]}")
            continue
        megabytes, params = done.stdout.split()
        print(f"{spec}: {float(megabytes):.0f} MB over the import, {int(params):,} parameters")


def main() -> int:
    """Print the table of ratios, or one of the other measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", action="store_true", help="measure in this process, print JSON")
    parser.add_argument("--chain", action="store_true")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.chain:
        print(f"ratio {chain():.1f}")
        return 0
    if options.memory:
        memory(("lenet5", "torchvision:resnet152", "torchvision:vit_h_14", *options.models[:0]))
        return 0
    if options.one:
        print(json.dumps(measure(options.models[0], options.rounds)))
        return 0
    ratios = []
    print(f"{'model':24} {'bare ms':>9} {'shapescope':>11} {'torchinfo':>10} {'FlopCounter':>12}")
    for name in options.models:
        command = [sys.executable, __file__, "--one", name, "--rounds", str(options.rounds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name:24} failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        taken = json.loads(done.stdout.splitlines()[-1])
        bare = taken["bare"]
        ratios.append(taken["shapescope"] / bare)
        others = [taken.get(who) for who in ("torchinfo", "FlopCounterMode")]
        said = "".join(f"{one / bare:11.2f}x" if one else f"{'-':>12}" for one in others)
        print(f"{name:24} {bare:9.1f} {ratios[-1]:10.2f}x{said}", flush=True)
    print(f"median {statistics.median(ratios):.2f}x, worst {max(ratios):.2f}x")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of any process {peak:.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
