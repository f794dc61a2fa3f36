"""Traces with open axes against concrete ones: every formula of every step, at several sizes.

    python benchmarks/symbolic.py                               # models of torchvision
    python benchmarks/symbolic.py --only swin --sizes 5
    python benchmarks/symbolic.py --own                         # the small models of sizes.py
    python benchmarks/symbolic.py --train

For each model: a trace with N, H and W open, then plain traces at sizes that its conditions allow.
Each step has to be there, with the shapes that its formulas give, and no check may be unknown or a
mismatch. Sizes drawn around those that were asked for are tried outside of the conditions, too:
where all is the same there, a condition asks for more than the model needs.
"""

from __future__ import annotations

import argparse
import random
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from sizes import OPEN, OTHERS, PEOPLE, Case  # type: ignore[import-not-found,unused-ignore]

from shapescope.analysis.check import check_trace
from shapescope.analysis.sizes.regions import Region, region_of
from shapescope.analysis.sizes.witness import find
from shapescope.analysis.symbolic_check import Evaluator
from shapescope.arithmetic.expressions import parse_condition
from shapescope.capture.inferring.own_inputs import own_inputs
from shapescope.capture.input_spec import InputSpec, parse_inputs
from shapescope.capture.loader import load
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import Step, Trace

SMALL = tuple(
    f"torchvision:{name}"
    for name in (
        "alexnet", "vgg11", "resnet18", "squeezenet1_1", "densenet121", "mobilenet_v2",
        "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0",
        "efficientnet_v2_s", "regnet_y_400mf", "resnext50_32x4d", "wide_resnet50_2",
        "convnext_tiny", "googlenet", "inception_v3", "vit_b_16", "swin_t", "swin_v2_t",
        "maxvit_t", "fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large",
        "r3d_18", "mc3_18", "r2plus1d_18", "s3d", "swin3d_t", "mvit_v1_b", "mvit_v2_s",
        "raft_small",
    )
)  # fmt: skip
"""The smaller model of each family."""

_FACTORS = (0.6, 0.8, 0.97, 1.3, 1.7, 2.2)
_OUTSIDE = 12


@dataclass
class Outcome:
    """What was found of one model."""

    name: str
    seconds: float = 0.0
    steps: int = 0
    tried: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    limits: tuple[str, ...] = ()
    needless: list[str] = field(default_factory=list)


def look_at(case: Case, count: int, train: bool) -> Outcome:
    """Trace a model with open axes and hold every formula against plain traces."""
    outcome = Outcome(case.model)
    loaded = load(case.model)
    inputs = parse_inputs(case.inputs) or own_inputs(loaded)[0]
    started = time.process_time()
    trace = trace_model(loaded, inputs, mode="symbolic", train=train).trace
    outcome.seconds = time.process_time() - started
    outcome.steps = len(trace.steps)
    outcome.limits = trace.holds_where
    if trace.failure is not None:
        plain = trace_model(loaded, inputs, train=train).trace.failure
        if plain is None or plain.step != trace.failure.step:
            outcome.problems.append(f"fails: {trace.failure.message[:100]}")
        outcome.tried.append("fails with numbers, too")
        return outcome
    checks = check_trace(trace)
    outcome.statuses = Counter(check.status for check in checks)
    for step, check in zip(trace.steps, checks, strict=True):
        if check.status in ("unknown", "mismatch"):
            outcome.problems.append(f"{check.status} at {step.path} {step.op}")
    asked = _sizes_of(trace, inputs)
    region = region_of(map(parse_condition, trace.holds_where), asked)
    least = {"N": 2} if "N >= 2" in trace.holds_where else {}  # which expressions take for granted
    for sizes in _inside(region, asked, least, count):
        outcome.tried.append("x".join(map(str, sizes.values())))
        found = compared(trace, loaded, inputs, sizes, train)
        outcome.problems += [f"at {sizes}: {found}"] if found else []
    for sizes in _outside(region, asked):
        if compared(trace, loaded, inputs, sizes, train) is None:
            outcome.needless.append("x".join(map(str, sizes.values())))
    return outcome


def compared(
    trace: Trace, loaded: Any, inputs: Sequence[InputSpec], sizes: Mapping[str, int], train: bool
) -> str | None:
    """The first difference to a plain trace at these sizes; None where all is the same."""
    at = Evaluator(sizes)
    specs = [
        InputSpec(at.shape(open_.shape) or (), given.dtype, given.name, given.bound)
        for given, open_ in zip(inputs, trace.inputs, strict=True)
    ]
    plain = trace_model(loaded, specs, train=train).trace
    if plain.failure is not None:
        return f"it fails there: {plain.failure.message[:100]}"
    steps, others = _lasting(trace), _lasting(plain)
    for step, other in zip(steps, others, strict=False):
        if (step.path, step.op) != (other.path, other.op):
            return f"{step.path} {step.op} is {other.path} {other.op}"
        for one, two in zip((*step.inputs, *step.outputs), (*other.inputs, *other.outputs),
                            strict=True):  # fmt: skip
            if at.shape(one.shape) != two.shape:
                return f"{step.path} {step.op}: {one.shape} is {two.shape}"
    if len(steps) != len(others):
        return f"{len(steps)} steps are {len(others)}"
    ends = [at.shape(spec.shape) for spec in trace.outputs]
    return None if ends == [spec.shape for spec in plain.outputs] else f"outputs are not {ends}"


def _lasting(trace: Trace) -> list[Step]:
    """The steps, without those that memory's layout alone decides."""
    return [step for step in trace.steps if step.op != "contiguous"]


def _sizes_of(trace: Trace, inputs: Sequence[InputSpec]) -> dict[str, int]:
    """The sizes of the open axes as they were asked for, with a batch of 2."""
    found = {}
    for spec, given in zip(trace.inputs, inputs, strict=True):
        for name, size in zip(spec.shape, given.shape or (), strict=True):
            if isinstance(name, str):
                found[name] = 2 if name == "N" else size
    return found


def _inside(
    region: Region, asked: Mapping[str, int], least: Mapping[str, int], count: int
) -> Iterator[dict[str, int]]:
    """Sizes that meet the conditions, those asked for first."""
    draw = random.Random(0)
    tried: list[dict[str, int]] = []
    for factor in (1.0, *draw.sample(_FACTORS * count, len(_FACTORS) * count)):
        near = {axis: max(int(size * factor) + draw.randint(0, 4) * (factor != 1),
                          least.get(axis, 1)) for axis, size in asked.items()}  # fmt: skip
        found = find(region, near).sizes
        if found is not None and dict(found) not in tried:
            tried.append(dict(found))
            yield tried[-1]
        if len(tried) == count:
            return


def _outside(region: Region, asked: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Sizes that do not meet the conditions."""
    draw = random.Random(1)
    for _ in range(_OUTSIDE):
        sizes = {axis: 2 if axis == "N" else max(int(size * draw.uniform(0.2, 2)), 1)
                 for axis, size in asked.items()}  # fmt: skip
        if not region.contains(sizes):
            yield sizes


def main() -> int:
    """Print a line for each model and a summary; 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    parser.add_argument("--own", action="store_true", help="the small models of sizes.py instead")
    parser.add_argument("--sizes", type=int, default=3, help="how many sizes are tried")
    parser.add_argument("--train", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    cases = (*OPEN, *PEOPLE, *OTHERS) if options.own else tuple(map(Case, SMALL))
    cases = tuple(case for case in cases if options.only in case.model)
    wrong = 0
    for case in cases:
        try:
            one = look_at(case, options.sizes, options.train)
        except ShapescopeError as error:
            one = Outcome(case.model, problems=[f"refused: {error}"])
        wrong += bool(one.problems)
        name = one.name.rpartition("/")[2]
        print(
            f"{'WRONG' if one.problems else 'ok   '} {name:44} {one.seconds:6.2f} s "
            f"{one.steps:5} steps  {' '.join(one.tried)}  {dict(one.statuses)}",
            f"      holds where {', '.join(one.limits) or 'always'}"[:160],
            *(f"      needless at {sizes}" for sizes in one.needless[:3]),
            *(f"      {problem}" for problem in one.problems[:6]),
            sep="\n",
            flush=True,
        )
    print(f"{len(cases)} models, {len(cases) - wrong} right, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
