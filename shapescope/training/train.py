"""A whole run: start one, or go on with one that was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from shapescope.training import checkpoint
from shapescope.training.allocator import keep_freed_memory
from shapescope.training.distributed import Group
from shapescope.training.engine import Engine
from shapescope.training.outcome import Outcome
from shapescope.training.plan import Plan
from shapescope.training.report import Reporter, Silent
from shapescope.training.run import Run
from shapescope.training.session import Session
from shapescope.training.setup import Request, prepare
from shapescope.training.stopper import Stopper

__all__ = ["Outcome", "train"]


def train(
    request: Request,
    run: Run,
    *,
    reporter: Reporter | None = None,
    group: Group | None = None,
    resume: bool = False,
    engine: Engine | None = None,
) -> Outcome:
    """Train a network and record the run.

    Args:
        request: what to train and how.
        run: the folder to record it in.
        reporter: who is told how it goes; only the leading process tells.
        group: the processes that share the work.
        resume: go on with the run in the folder instead of starting one.
        engine: how the run computed before, if it is resumed.

    Raises:
        ShapescopeError: the request cannot be met, or the folder cannot be written.
    """
    group = group or Group()
    told = reporter if reporter is not None and group.leads else Silent()
    keep_freed_memory()
    prepared = prepare(request, group, engine if resume else None)
    with _own_generators(prepared.plan), _as_engine_wants(prepared.plan.engine), Stopper() as stop:
        session = Session(request, prepared, run, told, stop)
        session.begin(resume=resume)
        return session.run_all()


@contextmanager
def _own_generators(plan: Plan) -> Iterator[None]:
    """Leave the caller's random numbers as they were."""
    before = checkpoint.rng_state(plan.device)
    try:
        yield
    finally:
        checkpoint.restore_rng(before, plan.device)


@contextmanager
def _as_engine_wants(engine: Engine) -> Iterator[None]:
    """Set torch's threads and determinism, and put them back."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(engine.way.threads)
    if engine.deterministic:
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
