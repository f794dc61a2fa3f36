"""Attributes that nothing has: told where the line that fails is the one that asks for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import shapescope


class Settings:
    def __getattr__(self, name: str) -> Any:
        return super().__getattribute__(name)


class Asks(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x * Settings().theta
        return out


class Misspells(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x.vieww(-1)  # type: ignore[attr-defined]
        return out


def said(model: nn.Module) -> list[tuple[str, str]]:
    return [(one.rule, one.message) for one in shapescope.trace(model, (2, 3)).diagnostics]


def test_the_line_that_asks_for_it_is_told() -> None:
    assert said(Misspells()) == [("unknown-name", "`x` has no attribute `vieww`")]


def test_what_is_written_is_not_blamed_for_what_it_calls() -> None:
    assert said(Asks()) == [
        (
            "forward-raises",
            "forward raises AttributeError: 'Settings' object has no attribute 'theta'",
        )
    ]


def test_an_identity_that_hands_on_none_is_no_step() -> None:
    class Hands(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.none = nn.Identity()
            self.fc = nn.Linear(3, 4)

        def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
            mask = self.none(mask)
            out: Tensor = self.fc(x)
            return out if mask is None else out * mask

    result = shapescope.trace(Hands(), (2, 3))
    assert [step.op for step in result.trace.steps] == ["module", "linear"]
    assert result.diagnostics == ()
    both = shapescope.trace(Hands(), input_data=[torch.ones(2, 3), torch.ones(2, 4)])
    assert [step.op for step in both.trace.steps] == ["module", "identity", "linear", "mul"]
