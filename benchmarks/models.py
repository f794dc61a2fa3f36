"""Every number right on real models: torchvision, a seeded draw of timm, and of transformers.

For each model: it is traced without error, its parameters equal the sum over unique parameters,
its multiply-adds equal torch's own counter on meta (halved) where both count, every windowed step
matches its formula, no step is unknown, and (with --real) the output shapes equal those of a real
forward, for models too large for that those of a forward of fake CPU tensors.

Usage: python benchmarks/models.py [--zoo torchvision|timm|hf] [--count N] [--seed S] [--real]
"""

from __future__ import annotations

import argparse
import random
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from shapescope.analysis.check import check_trace
from shapescope.analysis.cost import totals
from shapescope.analysis.receptive import receptive_fields
from shapescope.capture.inferring.own_inputs import own_inputs
from shapescope.capture.inputs import make_inputs
from shapescope.capture.loader import load
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.tensors import tensors_in
from shapescope.capture.tracer import trace_model
from shapescope.capture.untouched.copies import meta_copy
from shapescope.ops import lookup
from shapescope.trace import Trace, verify

ARCHITECTURES = (
    "BertModel", "GPT2LMHeadModel", "LlamaForCausalLM", "MistralForCausalLM", "T5Model",
    "ViTModel", "RobertaModel", "DistilBertModel", "AlbertModel", "ElectraModel", "OPTForCausalLM",
    "BloomForCausalLM", "GPTNeoXForCausalLM", "Qwen2ForCausalLM", "GemmaForCausalLM",
    "PhiForCausalLM", "BartModel", "DeiTModel", "SwinModel", "ConvNextModel", "ResNetModel",
    "BeitModel", "SegformerModel", "CLIPModel", "WhisperModel", "Wav2Vec2Model", "DebertaModel",
    "MobileNetV2Model", "Dinov2Model", "XLNetModel", "FunnelModel", "MPNetModel", "RegNetModel",
    "PoolFormerModel", "VideoMAEModel", "ViTMAEModel", "HubertModel", "MBartModel", "PegasusModel",
    "LongformerModel", "BigBirdModel", "YolosModel", "LevitModel", "CvtModel", "GitModel",
)  # fmt: skip


@dataclass
class Outcome:
    """What was found wrong with one model; nothing if all is well."""

    name: str
    seconds: float = 0.0
    mode: str = ""
    steps: int = 0
    problems: list[str] = field(default_factory=list)
    not_counted: tuple[str, ...] = ()


def names_of(zoo: str, count: int | None, seed: int) -> list[str]:
    """The models to look at; a seeded draw where a count is given."""
    if zoo == "torchvision":
        import torchvision

        names = [f"torchvision:{name}" for name in torchvision.models.list_models()]
    elif zoo == "timm":
        import timm

        names = [f"timm:{name}" for name in timm.list_models()]
    else:
        names = [f"hf:{name}" for name in ARCHITECTURES]
    if count is not None and count < len(names):
        names = sorted(random.Random(seed).sample(names, count))
    return names


def look_at(name: str, *, real: bool) -> Outcome:
    """Trace one model and hold every number against its oracle."""
    outcome = Outcome(name)
    started = time.perf_counter()
    loaded = load(name)
    inputs, _ = own_inputs(loaded)
    traced = trace_model(loaded, inputs)
    trace = traced.trace
    outcome.seconds = time.perf_counter() - started
    outcome.mode, outcome.steps = trace.mode, len(trace.steps)
    verify(trace)
    if trace.failure is not None:
        outcome.problems.append(f"{trace.failure.exception}: {trace.failure.message[:100]}")
        return outcome
    receptive_fields(trace)
    found = totals(trace)
    outcome.not_counted = found.not_counted
    outcome.problems += checks_of(trace)
    module = loaded.build("meta").module
    params = sum(parameter.numel() for parameter in module.parameters())
    if params != found.params:
        outcome.problems.append(f"params {found.params}, not {params}")
    if trace.mode == "meta" and not found.not_counted:
        macs = torchs_macs(loaded, inputs)
        if macs is not None and macs != found.macs:
            outcome.problems.append(f"MACs {found.macs}, torch counts {macs}")
    if real:
        outcome.problems += real_outputs(loaded, inputs, trace)
    return outcome


def checks_of(trace: Trace) -> list[str]:
    """Steps whose formula does not hold, or that have none where they should."""
    found = []
    for step, check in zip(trace.steps, check_trace(trace), strict=True):
        if check.status == "mismatch":
            found.append(f"mismatch at {step.path} {step.op}: {check.formula}")
        elif check.status == "unknown" and lookup(step.op).windowed:
            found.append(f"unknown at {step.path} {step.op}")
    return found


def torchs_macs(loaded: LoadedModel, inputs: object) -> int | None:
    """Half of what FlopCounterMode counts on meta; None where it cannot run there."""
    from torch.utils.flop_counter import FlopCounterMode

    # Its module tracker asks gradients of what requires them, under no_grad too, and gets none.
    module = meta_copy(loaded.build("meta").module).eval().requires_grad_(False)
    args, kwargs = make_inputs(inputs, module, device="meta")  # type: ignore[arg-type]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
            module(*args, **kwargs)
    except (RuntimeError, NotImplementedError, TypeError):
        return None
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops()) // 2


def is_small(trace: Trace) -> bool:
    """Whether a real forward takes seconds and no gigabytes."""
    found = totals(trace)
    return found.params <= 100_000_000 and found.macs <= 6 * 10**9


def real_outputs(loaded: LoadedModel, inputs: object, trace: Trace) -> list[str]:
    """Whether a real forward gives the shapes of the trace; for a large model a fake one."""
    if trace.mode == "real":
        return []
    if not is_small(trace):
        fake = trace_model(loaded, inputs, mode="fake").trace  # type: ignore[arg-type]
        shapes = [spec.shape for spec in fake.outputs]
        traced = [spec.shape for spec in trace.outputs]
        return [] if shapes == traced else [f"outputs {traced}, fake ones {shapes}"]
    module = loaded.build("cpu").module.eval()
    args, kwargs = make_inputs(inputs, module, device="cpu")  # type: ignore[arg-type]
    with torch.no_grad():
        output = module(*args, **kwargs)
    real = [tuple(tensor.shape) for tensor in tensors_in(output)]
    traced = [spec.shape for spec in trace.outputs]
    return [] if real == traced else [f"outputs {traced}, real ones {real}"]


def outcomes(names: list[str], *, real: bool) -> Iterator[Outcome]:
    """Each model's outcome; what cannot even be looked at is a problem too."""
    for name in names:
        try:
            yield look_at(name, real=real)
        except Exception as error:  # noqa: BLE001  # the table shall name every model
            yield Outcome(name, problems=[f"{type(error).__name__}: {str(error)[:150]}"])


def main() -> int:
    """Print a line for each model and a summary; 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", choices=("torchvision", "timm", "hf"), default="torchvision")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    names = names_of(options.zoo, options.count, options.seed)
    wrong = 0
    for one in outcomes(names, real=options.real):
        wrong += bool(one.problems)
        uncounted = f"  not counted: {', '.join(one.not_counted)}" if one.not_counted else ""
        print(
            f"{'WRONG' if one.problems else 'ok   '} {one.name:45} {one.mode:5} "
            f"{one.steps:5} steps {one.seconds:6.2f} s{uncounted}",
            *(f"      {problem}" for problem in one.problems),
            sep="\n",
            flush=True,
        )
    print(f"{len(names)} models, {len(names) - wrong} right, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
