"""In which order images are seen: a function of seed and epoch, so that any step can be redone."""

from __future__ import annotations

import hashlib

import torch


def generator_for(seed: int, *parts: int | str) -> torch.Generator:
    """Return a generator of its own for one purpose, epoch and place of a run."""
    digest = hashlib.sha256(repr((seed, parts)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def epoch_order(count: int, seed: int, epoch: int, *, shuffle: bool) -> torch.Tensor:
    """Return the numbers of all images in the order of one epoch, int64."""
    if not shuffle:
        return torch.arange(count)
    return torch.randperm(count, generator=generator_for(seed, "order", epoch))
