"""What the pitfall tests share: one call on PyTorch's CPU against what the arithmetic says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def check_pitfall() -> Callable[..., None]:
    def check(call: Callable[[], Any], shape: tuple[int, ...] | None, ours: Any) -> None:
        if shape is None:
            with pytest.raises((RuntimeError, ValueError, IndexError)):
                call()
            assert isinstance(ours, str) and ours
        else:
            assert tuple(call().shape) == shape
            assert ours == shape

    return check
