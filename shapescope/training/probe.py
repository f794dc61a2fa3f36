"""Which way to compute is fastest here: measured with the network at hand, and remembered."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path
from torch import nn

from shapescope.training.engine import Engine, Way, make_optimizer, make_step
from shapescope.training.files import write_atomically
from shapescope.training.recipe import Recipe
from shapescope.training.wishes import Wishes

_KEPT = (6, 4, 3)  # ways that go on to a further round, the best so far
_SECONDS = 0.06  # of one way in one round
_BUDGET = 5.0  # seconds after which no further round is begun
_SLOWED = 0.5  # a remembered way this much slower than it was is measured again
_SPARE = 0.15  # of a core: what other processes may take of those that are wanted
# What a way has to gain over the plain one to be taken: few digits and many threads cost something.
_WORTH = {
    "layout": 1.03,
    "precision": 1.05,
    "threads": 1.10,
    "compiled": 1.10,
    "quick": 1.03,
    "recorded": 1.03,
}
_WAYS = 5  # raised when what a way does has changed: earlier measurements are forgotten


def choose(
    model: nn.Module,
    sample: torch.Tensor,
    classes: int,
    recipe: Recipe,
    wishes: Wishes,
    *,
    fresh: bool = False,
) -> Engine:
    """Return the fastest engine on the CPU for a network, by measurement.

    The model is not touched: copies of it are trained for some steps.

    Args:
        model: the network, on the CPU.
        sample: one batch as the network will get it, float32, N x C x H x W.
        classes: how many classes there are.
        recipe: decides optimizer and loss.
        wishes: what is not free.
        fresh: measure even if an earlier result is remembered.
    """
    path = _memory() / f"{_key(model, sample, recipe, wishes)}.json"
    bench = _Bench(model, sample, torch.arange(len(sample)) % classes, recipe)
    with torch.random.fork_rng(devices=[]):
        before = torch.get_num_threads()
        try:
            remembered = None if fresh else _recall(path)
            if remembered is not None:
                if remembered.way.compiled:
                    return replace(remembered, chosen="remembered")  # a check would compile it
                rates = bench.measure([remembered.way])
                if rates[remembered.way] > _SLOWED * remembered.images_per_second.get(
                    str(remembered.way), 0.0
                ):
                    return replace(remembered, chosen="remembered")
            rates = bench.measure(wishes.ways(), _KEPT)
            best = best_of(rates, wishes.plain)
            further = wishes.compiled_recordings(best)
            if wishes.alone and not best.compiled:
                further.append(replace(best, recorded=True))
            rates |= bench.measure(further, (2, 2))
            recorded = any(rates[way] for way in further if way.compiled)
            if wishes.is_long and not wishes.compile and not recorded:
                way = replace(best, compiled=True, quick=False)
                rates |= bench.measure([way], (1, 1))
        finally:
            torch.set_num_threads(before)
    figures = {str(way): round(rate, 1) for way, rate in rates.items()}
    engine = Engine(best_of(rates, wishes.plain), chosen="measured", images_per_second=figures)
    if bench.free_cores > (wishes.threads or wishes.most_threads) - _SPARE:
        _remember(path, engine)  # what is best beside other work need not be best without it
    return engine


def best_of(rates: dict[Way, float], plain: Way) -> Way:
    """Return the way to take: the fastest by its rate over what it has to gain.

    Args:
        rates: images per second of every way.
        plain: the way that has to gain nothing.
    """

    def worth(way: Way) -> float:
        rate = rates[way]
        for name, differs in (
            ("layout", way.channels_last != plain.channels_last),
            ("precision", way.precision != plain.precision),
            ("threads", way.threads != plain.threads),
            ("compiled", way.compiled != plain.compiled),
            ("quick", way.quick != plain.quick),
            ("recorded", way.recorded != plain.recorded),
        ):
            rate /= _WORTH[name] if differs else 1.0
        return rate

    return max(rates, key=worth)


class _Bench:
    """Trains copies of a network for a moment, each in its own way."""

    def __init__(
        self, model: nn.Module, sample: torch.Tensor, labels: torch.Tensor, recipe: Recipe
    ) -> None:
        self.model = model
        self.sample = sample
        self.labels = labels
        self.recipe = recipe
        self.passed = self.taken = 0.0  # seconds of the clock, and of the CPU by other processes

    def measure(self, ways: list[Way], kept: Sequence[int] = ()) -> dict[Way, float]:
        """Return images per second of each way, the best of the rounds it was in.

        Args:
            ways: all of them are in the first round, in turn.
            kept: how many of the best so far are in each further round.
        """
        start, busy = time.perf_counter(), _busy_elsewhere()
        runners = {
            way: _Runner(self.model, self.sample, self.labels, self.recipe, way) for way in ways
        }
        for runner in runners.values():
            runner.warm_up()
        warm = time.perf_counter()  # compiling has its own time, and needs no less measuring
        rates = {way: runner.rate() for way, runner in runners.items()}
        for count in kept:
            if time.perf_counter() - warm > _BUDGET:
                break
            for way in sorted(rates, key=rates.__getitem__, reverse=True)[:count]:
                if rates[way]:
                    rates[way] = max(rates[way], runners[way].rate())
        self.passed += time.perf_counter() - start
        self.taken += _busy_elsewhere() - busy
        return rates

    @property
    def free_cores(self) -> float:
        """How many cores other processes left to this one while measured."""
        return (os.cpu_count() or 1) - self.taken / max(self.passed, 1e-9)


def _busy_elsewhere() -> float:
    """Return the CPU seconds that all other processes have taken since the system started.

    On one core they show in this process's own share of it; the others, which further threads
    would take, only the system knows. 0 where it does not tell.
    """
    try:
        counts = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)[1:9]
        ticks: int = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, counts)
    return (user + nice + system + sum(interrupts_and_stolen)) / ticks - time.process_time()


class _Runner:
    def __init__(
        self,
        model: nn.Module,
        sample: torch.Tensor,
        labels: torch.Tensor,
        recipe: Recipe,
        way: Way,
    ) -> None:
        self.threads = way.threads
        # A view fails on what channels_last has permuted; compilers fail in many ways.
        self.failures = Exception if way.compiled or way.recorded else RuntimeError
        self.images = sample.contiguous(memory_format=way.memory_format)
        self.labels = labels
        own = copy.deepcopy(model).train()
        if way.channels_last:
            own = own.to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(recipe.optimizer, own.parameters())
        self.step = make_step(own, way, "cpu", recipe.label_smoothing)
        self.works = True

    def warm_up(self) -> None:
        """Take the first steps, which cost more than others."""
        torch.set_num_threads(self.threads)
        self._try()
        self._try()

    def rate(self) -> float:
        """Return images per second over a short time; 0 if the network cannot go this way."""
        torch.set_num_threads(self.threads)
        steps, start, passed = 0, time.perf_counter(), 0.0
        while passed < _SECONDS and self._try():
            steps += 1
            passed = time.perf_counter() - start
        return steps * len(self.images) / passed if self.works else 0.0

    def _try(self) -> bool:
        """Take a step; tell whether the network could and can go this way.

        Compiled code may fail in a later step than the first, when it is compiled once more.
        """
        if self.works:
            try:
                self._once()
            except self.failures:  # the run can do without this way
                self.works = False
        return self.works

    def _once(self) -> None:
        self.optimizer.zero_grad()
        self.step(self.images, self.labels, 1.0)
        self.optimizer.step()


def _memory() -> Path:
    return user_cache_path("shapescope") / "engines"


def _key(model: nn.Module, sample: torch.Tensor, recipe: Recipe, wishes: Wishes) -> str:
    """Return a name for this machine, network, batch and these wishes."""
    facts = (
        type(model).__qualname__,
        [(name, tuple(value.shape)) for name, value in model.state_dict().items()],
        tuple(sample.shape),
        recipe.optimizer.name,
        (wishes.precision, wishes.threads, wishes.compile, wishes.most_threads, wishes.is_long),
        wishes.alone,
        (_WAYS, [field.name for field in fields(Way)]),
        torch.__version__,
        platform.machine(),
        torch.backends.cpu.get_cpu_capability(),
        os.cpu_count(),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _recall(path: Path) -> Engine | None:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Engine.from_dict(values)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # nothing remembered, or nothing readable: it is measured again


def _remember(path: Path, engine: Engine) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(engine.to_dict()).encode())
    except OSError:
        return  # a cache that cannot be written costs the next run a second
