"""Several processes that train one model: who am I, and sums over all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from shapescope.diagnostic import ShapescopeError

_TO_JOIN = 60.0  # seconds
_PATIENCE = timedelta(minutes=10)
# how gloo says that the other end of a connection died
_PEER_GONE = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of a run.

    Attributes:
        rank: this process's number, from 0.
        processes: how many there are.
        local_processes: how many of them share this machine.
        local_rank: this process's number on this machine.
        restarts: how often torch elastic has started the workers again.
    """

    rank: int = 0
    processes: int = 1
    local_processes: int = 1
    local_rank: int = 0
    restarts: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes and prints."""
        return self.rank == 0

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over all processes, the same in each."""
        if self.processes > 1:
            tensor = tensor.clone()
            dist.all_reduce(tensor)
        return tensor

    def gather(self, value: object) -> list[object]:
        """Return every process's value, in order of rank, in each process."""
        if self.processes == 1:
            return [value]
        values: list[object] = [None] * self.processes
        dist.all_gather_object(values, value)
        return values

    def from_leader(self, value: object) -> object:
        """Return the leading process's value, in each process."""
        if self.processes == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


def launched() -> bool:
    """Tell whether torchrun (or ``--processes``) started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


@contextmanager
def joined(device: str) -> Iterator[Group]:
    """Join the other processes of the run, if torchrun started this one, and leave them at the end.

    Args:
        device: ``cuda`` talks through nccl, everything else through gloo.
    """
    if not launched():
        yield Group()
        return
    backend = "nccl" if device == "cuda" else "gloo"
    try:
        with _not_for_ever():
            _meet(backend)
    except (RuntimeError, ValueError) as error:
        raise ShapescopeError(f"cannot join the other processes of the run: {error}") from error
    try:
        yield Group(
            rank=dist.get_rank(),
            processes=dist.get_world_size(),
            local_processes=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
            local_rank=int(os.environ.get("LOCAL_RANK", "0")),
            restarts=_restarts(),
        )
    except RuntimeError as error:
        if not any(words in str(error) for words in _PEER_GONE):
            raise
        raise ShapescopeError(
            "another process of the run ended before its work was done",
            exit_code=1,
            advice=("its own error says why; --resume goes on from the last checkpoint",),
        ) from error
    finally:
        dist.destroy_process_group()


def _meet(backend: str) -> None:
    """Set up the group of all processes, through the store the launcher names in the environment.

    The launcher keeps one store for all restarts, so that a worker started again could read where
    the others listened before. Each start gets keys of its own where all processes count restarts
    alike: on one machine. Launchers of several machines count apart.
    """
    store, rank, processes = next(dist.rendezvous("env://", timeout=_PATIENCE))
    if os.environ.get("LOCAL_WORLD_SIZE") == str(processes):
        store = dist.PrefixStore(f"start {_restarts()}", store)
    dist.init_process_group(
        backend, store=store, rank=rank, world_size=processes, timeout=_PATIENCE
    )


def _restarts() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@contextmanager
def _not_for_ever() -> Iterator[None]:
    """End this process if it takes too long inside; the launcher then starts all of them again.

    Workers that meet while one of them is dying may wait for each other without end, and gloo
    heeds no timeout while it connects.
    """
    watchdog = threading.Timer(_TO_JOIN, os._exit, (os.EX_TEMPFAIL,))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def launch(arguments: list[str], processes: int) -> int:
    """Start this program again in several processes and wait for them.

    A worker that dies is started again with all the others, from the last checkpoint.

    Args:
        arguments: the command line after ``python -m shapescope``.
        processes: how many.

    Returns:
        The exit code.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if Path("/sys/class/net/lo").exists():
        # All of them are on this machine: nothing needs to look for a way between them.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    options = ["--standalone", f"--nproc-per-node={processes}", "--max-restarts=3"]
    try:
        start: Any = run.main  # torch leaves it untyped
        start([*options, "-m", "shapescope", *arguments])
    except ChildFailedError as error:
        failure = error.get_first_failure()[1]
        return failure.exitcode if failure.exitcode > 0 else 1
    return 0
