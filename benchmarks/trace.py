"""How long a trace takes, and how much memory: against the bare forward on meta and the peers.

Everything is on in shapescope's share: a copy of the model, the pass, the diagnosis, the check of
every step, totals, receptive fields and the predicted memory.

Warm: a fresh process for each cell, in which the bare forward and the contestant run in turn, so
that no contestant leaves the caches as another one wants them; the first round does not count, and
small models get as many as two seconds hold. With --together the contestants of a model share one
process. Cold: the first call in a fresh process, after imports and construction, as a user who
types one command has it; one process for each cell, in turn. Printed are medians, and ratios to
the bare forward of the same process (cold: of the same kind).

Usage: python benchmarks/trace.py [--rounds 5] [--cold-rounds 3] [--peer-rounds 1] [MODEL ...]
       python benchmarks/trace.py --warm | --cold    (one of the two tables)
       python benchmarks/trace.py --warm --together  (bare, shapescope, torchinfo, FlopCounter)
       python benchmarks/trace.py --chain            (1,000 against 10,000 layers, and deep ones)
       python benchmarks/trace.py --memory           (peak memory over the bare import)

torchview and fvcore take part in the cold table where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

Call = Callable[[], Any]

_PICTURE = ((1, 3, 224, 224),)
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "lenet5": ((1, 1, 32, 32),),
    "alexnet": _PICTURE,
    "vgg16": _PICTURE,
    "resnet18": _PICTURE,
    "resnet50": _PICTURE,
    "resnet152": _PICTURE,
    "densenet201": _PICTURE,
    "mobilenet_v3_large": _PICTURE,
    "efficientnet_b7": ((1, 3, 600, 600),),
    "convnext_large": _PICTURE,
    "vit_b_16": _PICTURE,
    "vit_h_14": _PICTURE,
    "swin_v2_b": ((1, 3, 256, 256),),
    "maskrcnn_resnet50_fpn": ((3, 800, 800),),
    "raft_large": ((1, 3, 384, 512), (1, 3, 384, 512)),
    "deeplabv3_resnet101": ((1, 3, 520, 520),),
    "r3d_18": ((1, 3, 16, 112, 112),),
}
REAL_ONLY = frozenset({"maskrcnn_resnet50_fpn"})
"""What meta cannot do; the bare forward is then a real one on the CPU."""
OURS = ("bare", "shapescope")
ON_CPU = "torchinfo-cpu"
PEERS = ("torchinfo", ON_CPU, "FlopCounter", "torchview", "fvcore")
WARM = (*OURS, "torchinfo", "FlopCounter")
AT_LEAST_SECONDS = 2.0
"""How long warm rounds and chains go on at least: medians of few short calls sway by a tenth."""


# --- the contestants


def build(name: str, device: str = "meta") -> tuple[Any, tuple[Any, ...]]:
    """A model in eval mode and the arguments of its forward, on meta where that can be."""
    import torch

    with torch.device("cpu" if name in REAL_ONLY else device):
        if name == "lenet5":
            from shapescope.networks.lenet5 import LeNet5

            model: Any = LeNet5()
        else:
            from torchvision.models import get_model

            settings = {"weights_backbone": None} if name in REAL_ONLY | {_SEGMENTATION} else {}
            model = get_model(name, weights=None, **settings)
        inputs = tuple(torch.rand(shape) for shape in SHAPES[name])
    return model.eval(), ([*inputs],) if name in REAL_ONLY else inputs


_SEGMENTATION = "deeplabv3_resnet101"


def contestant(who: str, name: str, model: Any, args: tuple[Any, ...]) -> Call:
    """What is measured; imports happen here, before the call."""
    import torch

    if who == "bare":

        def run() -> Any:
            with torch.no_grad():
                return model(*args)

    elif who == "shapescope":
        import shapescope  # noqa: F401 - with torch there, it loads what a trace needs

        def run() -> Any:
            return everything(model, name, args)

    elif who in ("torchinfo", ON_CPU):
        import torchinfo

        device = "cpu" if who == ON_CPU else "meta"

        def run() -> Any:
            return torchinfo.summary(model, input_data=args, device=device, verbose=0, mode="eval")

    elif who == "FlopCounter":
        from torch.utils.flop_counter import FlopCounterMode

        def run() -> Any:
            with FlopCounterMode(display=False), torch.no_grad():
                return model(*args)

    elif who == "torchview":
        import torchview

        def run() -> Any:
            return torchview.draw_graph(model, input_data=args, device="meta")

    else:
        import logging

        from fvcore.nn import FlopCountAnalysis

        logging.disable()

        def run() -> Any:
            return FlopCountAnalysis(model, args).total()

    return run


def everything(model: Any, name: str, args: tuple[Any, ...]) -> Any:
    """A trace with all that is worked out from it."""
    import shapescope
    from shapescope.analysis.memory import memory

    if name in REAL_ONLY:
        result = shapescope.trace(model, input_data=list(args))
    else:
        result = shapescope.trace(model, input_size=list(SHAPES[name]))
    assert not result.failed, result.diagnostics
    return result.checks, result.totals, result.receptive_fields, memory(result.trace)


# --- warm and cold


def warm(name: str, contestants: tuple[str, ...], rounds: int) -> dict[str, float]:
    """Median milliseconds of the bare forward and of the contestants, run in turn."""
    model, args = build(name)
    if name in REAL_ONLY:
        contestants = tuple(who for who in contestants if who in OURS)
    running = {who: contestant(who, name, model, args) for who in ("bare", *contestants)}
    taken: dict[str, list[float]] = {who: [] for who in running}
    ends = time.perf_counter() + AT_LEAST_SECONDS
    round_number = -1
    while (round_number := round_number + 1) <= rounds or time.perf_counter() < ends:
        for who in list(running):
            milliseconds = timed(who, running[who])
            if milliseconds is None:
                del running[who], taken[who]
            elif round_number:
                taken[who].append(milliseconds)
    return {who: statistics.median(times) for who, times in taken.items()}


def timed(who: str, run: Call) -> float | None:
    """Milliseconds of one call; None where a peer cannot do this model, which we must."""
    started = time.perf_counter()
    try:
        run()
    except Exception:
        if who in OURS:
            raise
        return None
    return 1000 * (time.perf_counter() - started)


def cold(name: str, rounds: int, peer_rounds: int) -> dict[str, float]:
    """Median milliseconds of each contestant's first call, a forked process for each.

    The parent has imported torch and torchvision and run nothing.
    """
    import torch
    import torchvision  # noqa: F401 - for the children

    torch.set_num_threads(1)
    peers = [who for who in PEERS if who == "FlopCounter" or _is_there(who.partition("-")[0])]
    taken: dict[str, list[float]] = {}
    for round_number in range(max(rounds, peer_rounds)):
        now = [*OURS] if round_number < rounds else []
        if name not in REAL_ONLY and round_number < peer_rounds:
            now += peers
        for who in now:
            milliseconds = in_child(who, name)
            if milliseconds is not None:
                taken.setdefault(who, []).append(milliseconds)
    return {who: statistics.median(times) for who, times in taken.items()}


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def in_child(who: str, name: str) -> float | None:
    """Build the model and time one call, in a child of this process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def work() -> None:
        warnings.simplefilter("ignore")
        device = "cpu" if who == ON_CPU else "meta"
        theirs.send(timed(who, contestant(who, name, *build(name, device))))

    child = context.Process(target=work)
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(f"{who} on {name} ended with {child.exitcode}")
    milliseconds: float | None = ours.recv()
    return milliseconds


def table(title: str, columns: tuple[str, ...], names: list[str], options: Any) -> None:
    """Print the table of ratios of one kind; each model is measured by processes of its own."""
    print(f"{title:24} {'bare ms':>9}" + "".join(f"{who:>14}" for who in columns), flush=True)
    groups = [(who,) for who in columns] if title == "warm" and not options.together else [columns]
    ratios = []
    for name in names:
        found: dict[str, float] = {}
        bare: list[float] = []
        for group in groups:
            taken = in_process(title, name, group, options)
            if taken is None:
                break
            bare.append(taken["bare"])
            found.update((who, taken[who] / bare[-1]) for who in group if who in taken)
        else:
            ratios.append(found["shapescope"])
            cells = (f"{found[who]:13.2f}x" if who in found else f"{'-':>14}" for who in columns)
            print(f"{name:24} {statistics.median(bare):9.1f}" + "".join(cells), flush=True)
    if ratios:
        print(
            f"{title}: shapescope median {statistics.median(ratios):.2f}x, worst {max(ratios):.2f}x"
            f" of the bare forward, {len(ratios)} models\n",
            flush=True,
        )


def in_process(
    title: str, name: str, contestants: tuple[str, ...], options: Any
) -> dict[str, float] | None:
    """Median milliseconds as a process of its own measures them; None, told of, if it fails."""
    command = [sys.executable, __file__, name, "--one", title, "--who", *contestants]
    for option in ("rounds", "cold_rounds", "peer_rounds"):
        command += [f"--{option.replace('_', '-')}", str(getattr(options, option))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name:24} failed: {(done.stderr.strip() or '?').splitlines()[-1]}")
        return None
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


# --- growth and memory


def growth(rounds: int = 3) -> None:
    """Seconds of chains and of nested modules, and how they grow."""
    import torch
    from torch import nn

    import shapescope
    from shapescope.analysis.memory import memory

    def seconds(model: nn.Module) -> float:
        taken: list[float] = []
        while len(taken) < rounds or sum(taken) < AT_LEAST_SECONDS:
            started = time.perf_counter()
            result = shapescope.trace(model, input_size=(1, 2, 8))
            assert not result.failed, result.diagnostics
            _ = result.checks, result.totals, result.receptive_fields, memory(result.trace)
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    def nested(depth: int) -> nn.Module:
        model: nn.Module = nn.Conv1d(2, 2, 3, padding=1)
        for _ in range(depth):
            model = nn.Sequential(model)
        return model

    torch.set_num_threads(1)
    with torch.device("meta"):
        short, long = (
            nn.Sequential(*(nn.Conv1d(2, 2, 3, padding=1) for _ in range(count))).eval()
            for count in (1_000, 10_000)
        )
        deep = nested(300).eval()
    seconds(short)
    few, many = seconds(short), seconds(long)
    print(f"1,000 layers {few:.2f} s, 10,000 layers {many:.2f} s: {many / few:.1f} times")
    print(f"a layer inside 300 others {seconds(deep):.2f} s")


MEMORY = """
import resource, sys
import torch, torchvision
if sys.argv[1].startswith("hf:"):
    import transformers
    transformers.LlamaForCausalLM
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from shapescope.session import trace_any
from shapescope.capture.loader import load
from shapescope.analysis.memory import memory
result = trace_any(load(sys.argv[1]), None)
assert result.trace.failure is None and result.trace.mode == "meta", result.notes
result.totals, result.checks, result.receptive_fields, memory(result.trace)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, result.totals.params)
"""
LLAMA_70B = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "intermediate_size": 28672,
    "vocab_size": 128256,
}


def memory_over_import(specs: list[str]) -> None:
    """Megabytes over the bare import of the model's library, each in a fresh process."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(LLAMA_70B), encoding="utf-8")
        for spec in (*specs, f"hf:{config}"):
            command = [sys.executable, "-c", MEMORY, spec]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            shown = "llama, 80 layers of 8192" if spec.startswith("hf:") else spec
            if done.returncode:
                print(f"{shown}: {done.stderr.strip().splitlines()[-1]}")
                continue
            megabytes, params = done.stdout.split()
            print(f"{shown}: {float(megabytes):.0f} MB over the import, {int(params):,} parameters")


def main() -> int:
    """Print both tables, or one of the other measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=3)
    parser.add_argument("--peer-rounds", type=int, default=1)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--together", action="store_true", help="one process for a model's row")
    parser.add_argument("--one", choices=("warm", "cold"), help="in this process; print JSON")
    parser.add_argument("--who", nargs="+", default=WARM[1:], help="with --one warm: contestants")
    parser.add_argument("--chain", action="store_true")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.chain:
        growth()
    elif options.memory:
        memory_over_import(["lenet5", "torchvision:resnet152", "torchvision:vit_h_14"])
    elif options.one:
        import torch

        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        (name,) = options.models
        if options.one == "warm":
            taken = warm(name, tuple(options.who), options.rounds)
        else:
            taken = cold(name, options.cold_rounds, options.peer_rounds)
        print(json.dumps(taken))
    else:
        both = options.warm == options.cold
        if both or options.warm:
            table("warm", WARM[1:], options.models, options)
        if both or options.cold:
            table("cold", ("shapescope", *PEERS), options.models, options)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak memory of any process {peak:.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
