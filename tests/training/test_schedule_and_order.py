"""Learning rates against torch's own schedulers; orders that depend on seed and epoch only."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shapescope.training.plan import epoch_order, generator_for
from shapescope.training.recipe import ScheduleSpec
from shapescope.training.schedule import rate_at

STEPS, EPOCHS = 7, 30


def test_step_schedule_is_torchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
    spec = ScheduleSpec("step", step_size=10, gamma=0.1)
    for epoch in range(EPOCHS):
        for step in range(STEPS):
            rate = rate_at(spec, 0.5, epoch * STEPS + step, STEPS, EPOCHS)
            assert rate == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    "spec", [ScheduleSpec(), ScheduleSpec("step", active=False), ScheduleSpec("step", gamma=1.0)]
)
def test_schedules_that_change_nothing(spec: ScheduleSpec) -> None:
    assert {rate_at(spec, 0.3, step, STEPS, EPOCHS) for step in range(STEPS * EPOCHS)} == {0.3}


@given(
    warmup=st.floats(0, 1),
    final=st.floats(0, 0.5),
    steps=st.integers(1, 50),
    epochs=st.integers(1, 20),
)
def test_one_cycle_climbs_once_and_falls_once(
    warmup: float, final: float, steps: int, epochs: int
) -> None:
    spec = ScheduleSpec("one_cycle", warmup=warmup, final=final)
    rates = [rate_at(spec, 2.0, step, steps, epochs) for step in range(steps * epochs)]
    assert all(0 < rate <= 2.0 + 1e-9 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert top == pytest.approx(warmup * steps * epochs, abs=1.01)


@given(count=st.integers(0, 200), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 100))
def test_an_order_has_every_image_once_and_comes_again(count: int, seed: int, epoch: int) -> None:
    order = epoch_order(count, seed, epoch, shuffle=True)
    assert sorted(order.tolist()) == list(range(count))
    assert order.equal(epoch_order(count, seed, epoch, shuffle=True))
    if count > 20:
        assert not order.equal(epoch_order(count, seed, epoch + 1, shuffle=True))
        assert not order.equal(epoch_order(count, seed ^ 1, epoch, shuffle=True))


def test_unshuffled_is_the_order_on_disk() -> None:
    assert epoch_order(5, 0, 3, shuffle=False).tolist() == [0, 1, 2, 3, 4]


def test_purposes_have_generators_of_their_own() -> None:
    draws = [
        torch.rand(1, generator=generator_for(0, *parts)).item()
        for parts in (("order", 0), ("vary", 0), ("vary", 0, 8), ("order", 1))
    ]
    assert len(set(draws)) == 4
