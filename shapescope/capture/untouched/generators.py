"""Random generators that a model keeps, in a copy of it."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def generators_are_cloned() -> Iterator[None]:
    """While a copy of a model is made, let its generators of random numbers be copied as they are.

    Torch's own way hands a generator's state over as a tensor, which on meta has no values.
    """
    table: dict[type, Any] = copyreg.dispatch_table
    before = table.get(torch.Generator)
    table[torch.Generator] = _reduced
    try:
        yield
    finally:
        if before is None:
            del table[torch.Generator]
        else:
            table[torch.Generator] = before


def _reduced(generator: torch.Generator) -> tuple[Any, tuple[str, bytes]]:
    with torch._C.DisableTorchFunction():
        state = bytes(generator.get_state().tolist())
    return _restored, (str(generator.device), state)


def _restored(device: str, state: bytes) -> torch.Generator:
    with torch._C.DisableTorchFunction():
        made = torch.Generator(device)
        made.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return made
