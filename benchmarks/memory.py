"""Predicted memory against measured: one inference and one training step on the CPU.

Measured is what torch's own allocator holds at its highest, by its profiler: every allocation and
every release in order, on top of the model's parameters, buffers and input. One process for each
model. Run with `python benchmarks/memory.py [MODEL ...]`.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

MODELS = (
    "alexnet",
    "vgg11",
    "resnet18",
    "resnet50",
    "densenet121",
    "mobilenet_v2",
    "efficientnet_b0",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
)


def peak_bytes(run: Callable[[], object]) -> tuple[int, object]:
    """Highest number of bytes that `run` held at once beyond what was there before."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        kept = run()
    profiler: Any = recorded.profiler
    results = profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest, kept


def one(name: str) -> None:
    """Print one row for one model."""
    import torch
    import torchvision

    from shapescope.analysis.memory import memory
    from shapescope.capture.tracer import trace_model

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None)
    x = torch.rand(8, 3, 224, 224)
    held = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers(), x))

    model.eval()
    trace = trace_model(model, ((x,), {}), mode="meta").trace
    expected = memory(trace).inference_peak

    def infer() -> object:
        with torch.no_grad():
            return model(x)

    infer()
    measured = held + peak_bytes(infer)[0]
    print(row(name, "inference", expected, measured), flush=True)

    model.train()
    trace = trace_model(model, ((x,), {}), train=True, mode="meta").trace
    expected = memory(trace, optimizer="sgd").training_peak
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> object:
        optimizer.zero_grad()
        model(x).sum().backward()
        return optimizer.step()

    optimizer.zero_grad()
    measured = held + peak_bytes(step)[0]
    print(row(name, "training", expected, measured), flush=True)


def row(name: str, what: str, expected: int, measured: int) -> str:
    """One line: predicted and measured in MiB and how far the one is from the other."""
    mib = 2**20
    share = 100 * (expected - measured) / measured
    return f"{name:20} {what:10} {expected / mib:9.1f} {measured / mib:9.1f} {share:+6.1f} %"


def main() -> None:
    """Every model in a fresh process."""
    names = sys.argv[1:]
    if len(names) == 1:
        warnings.filterwarnings("ignore")
        one(names[0])
        return
    print(f"{'model':20} {'':10} {'predicted':>9} {'measured':>9} MiB")
    for name in names or MODELS:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
