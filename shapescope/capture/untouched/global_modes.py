"""Switches of torch that every model shares, as they were before a model turned them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

_SWITCHES: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        lambda kept: torch.use_deterministic_algorithms(kept[0], warn_only=kept[1]),
    ),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled),
    (
        lambda: torch.is_autocast_enabled("cpu"),
        lambda kept: torch.set_autocast_enabled("cpu", kept),
    ),
    (
        lambda: torch.backends.cudnn.benchmark,
        lambda kept: setattr(torch.backends.cudnn, "benchmark", kept),
    ),
    (
        lambda: torch.backends.cudnn.deterministic,
        lambda kept: setattr(torch.backends.cudnn, "deterministic", kept),
    ),
    (torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
    (torch.backends.cuda.math_sdp_enabled, torch.backends.cuda.enable_math_sdp),
    (torch.backends.cuda.mem_efficient_sdp_enabled, torch.backends.cuda.enable_mem_efficient_sdp),
)
"""How each is read and set; setting some has a price, so only what changed is set back."""


@contextmanager
def global_modes_stay() -> Iterator[None]:
    """Turn every switch back that is turned inside."""
    before = [read() for read, _ in _SWITCHES]
    try:
        yield
    finally:
        for kept, (read, put) in zip(before, _SWITCHES, strict=True):
            if read() != kept:
                put(kept)


def nothing_compiles() -> AbstractContextManager[Any]:
    """What was given to `torch.compile` runs as it was written.

    Compiling takes seconds to minutes, and what comes out does not tell its layers. Where nothing
    was compiled yet the compiler is not even loaded, and stays so. Up to torch 2.5 nothing can be
    asked for that the user's own next call would not notice, so that it compiles there.
    """
    if "torch._dynamo" not in sys.modules or not hasattr(torch.compiler, "set_stance"):
        return nullcontext()
    stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return stance
