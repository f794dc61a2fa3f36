"""Ops that merge, move, join and cut axes and pick values: rule against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch

torch: Any = _torch  # its own annotations leave half of this out

AssertMatches = Callable[[str, Callable[[], Any]], None]


def rand(*shape: Any) -> Any:
    return torch.rand(*shape)


CALLS: dict[str, list[Callable[[], Any]]] = {
    # shape
    "flatten": [
        lambda: rand(2, 3, 4).flatten(1),
        lambda: torch.flatten(rand(2, 3, 4), end_dim=1),
        lambda: torch.flatten(rand(2, 3, 4), -2, -1),
        lambda: rand(()).flatten(),
        lambda: rand(2, 3).ravel(),
    ],
    "reshape": [
        lambda: rand(2, 3, 4).reshape(2, -1),
        lambda: torch.reshape(rand(2, 3, 4), (4, 6)),
        lambda: rand(2, 3).reshape((6,)),
        lambda: rand(2, 3).reshape(shape=(3, 2)),
        lambda: rand(6).reshape(-1),
        lambda: rand(0, 3).reshape(3, 0),
    ],
    "view": [
        lambda: rand(2, 3, 4).view(-1, 12),
        lambda: rand(2, 3, 4).view([6, 4]),
        lambda: rand(2, 3, 4).view(torch.Size([24])),
    ],
    "view_as": [lambda: rand(2, 3).view_as(rand(3, 2))],
    "reshape_as": [lambda: rand(2, 3).reshape_as(rand(3, 2))],
    "unflatten": [
        lambda: rand(2, 6).unflatten(1, (2, 3)),
        lambda: rand(2, 6).unflatten(-1, (-1, 3)),
        lambda: torch.unflatten(rand(6, 2), 0, [3, 2]),
    ],
    "squeeze": [
        lambda: rand(1, 2, 1).squeeze(),
        lambda: rand(1, 2, 1).squeeze(0),
        lambda: rand(1, 2, 1).squeeze(1),
        lambda: rand(1, 2, 1).squeeze((0, -1)),
        lambda: torch.squeeze(rand(1, 2), dim=0),
        lambda: rand(()).squeeze(0),
    ],
    "unsqueeze": [lambda: rand(2, 3).unsqueeze(-1), lambda: torch.unsqueeze(rand(2), 0)],
    "permute": [
        lambda: rand(2, 3, 4).permute(2, 0, 1),
        lambda: torch.permute(rand(2, 3, 4), (0, -1, 1)),
        lambda: rand(2, 3).permute([1, 0]),
        lambda: rand(2, 3).permute(dims=(1, 0)),
    ],
    "transpose": [
        lambda: rand(2, 3, 4).transpose(1, 2),
        lambda: torch.transpose(rand(2, 3, 4), 0, -1),
        lambda: rand(2, 3).t(),
        lambda: rand(2, 3).T,
        lambda: rand(2, 3, 4).mT,
        lambda: rand(2, 3, 4).swapaxes(0, 1),
        lambda: rand(4).t(),
    ],
    "movedim": [
        lambda: rand(2, 3, 4).movedim(0, -1),
        lambda: torch.movedim(rand(2, 3, 4, 5), (0, 1), (2, 0)),
        lambda: torch.moveaxis(rand(2, 3, 4), -1, 0),
    ],
    "expand": [
        lambda: rand(1, 3).expand(2, 3),
        lambda: rand(1, 3).expand(4, -1, 3),
        lambda: rand(3).expand((2, 3)),
    ],
    "broadcast_to": [lambda: torch.broadcast_to(rand(1, 3), (2, 3))],
    "expand_as": [lambda: rand(1, 3).expand_as(rand(2, 3))],
    "repeat": [lambda: rand(2, 3).repeat(2, 1), lambda: rand(2, 3).repeat((2, 1, 4))],
    "tile": [lambda: torch.tile(rand(2, 3), (2,)), lambda: rand(2, 3).tile(2, 1, 3)],
    "repeat_interleave": [
        lambda: rand(2, 3).repeat_interleave(2, 1),
        lambda: torch.repeat_interleave(rand(2, 3), 3, dim=0),
        lambda: rand(2, 3).repeat_interleave(2),
    ],
    "flip": [lambda: rand(2, 3).flip(0), lambda: torch.flip(rand(2, 3), (0, 1))],
    "fliplr": [lambda: torch.fliplr(rand(2, 3))],
    "flipud": [lambda: torch.flipud(rand(2, 3))],
    "roll": [lambda: rand(2, 3).roll(1, 0), lambda: torch.roll(rand(2, 3), (1, 1), (0, 1))],
    "rot90": [lambda: torch.rot90(rand(2, 3)), lambda: torch.rot90(rand(2, 3, 4), 2, (1, 2))],
    "as_strided": [lambda: torch.as_strided(rand(3, 3), (2, 2), (1, 2))],
    "diagonal": [lambda: rand(2, 3, 4).diagonal(1, 1, 2), lambda: torch.diagonal(rand(3, 4), -1)],
    "atleast_1d": [lambda: torch.atleast_1d(rand(()))],
    "atleast_2d": [lambda: torch.atleast_2d(rand(3))],
    "atleast_3d": [lambda: torch.atleast_3d(rand(3)), lambda: torch.atleast_3d(rand(3, 2))],
    # joining and cutting
    "cat": [
        lambda: torch.cat([rand(2, 3), rand(2, 4)], 1),
        lambda: torch.cat((rand(2, 3), rand(1, 3))),
        lambda: torch.cat([rand(2, 3), rand(0)], dim=-1),
        lambda: torch.concat([rand(2), rand(3)]),
        lambda: torch.concatenate([rand(2, 1), rand(2, 3)], axis=1),
    ],
    "stack": [lambda: torch.stack([rand(2, 3)] * 4, -1), lambda: torch.stack((rand(2), rand(2)))],
    "hstack": [lambda: torch.hstack([rand(2, 3), rand(2, 1)]), lambda: torch.hstack([rand(2)] * 2)],
    "vstack": [lambda: torch.vstack([rand(3), rand(2, 3)])],
    "dstack": [lambda: torch.dstack([rand(2, 3), rand(2, 3)])],
    "broadcast_tensors": [lambda: torch.broadcast_tensors(rand(2, 1), rand(3))],
    "column_stack": [lambda: torch.column_stack([rand(3), rand(3, 2)])],
    "hsplit": [lambda: torch.hsplit(rand(2, 6), 3), lambda: torch.hsplit(rand(6), [2, 3])],
    "vsplit": [lambda: torch.vsplit(rand(4, 2), 2)],
    "dsplit": [lambda: torch.dsplit(rand(2, 2, 4), 2)],
    "diag": [lambda: torch.diag(rand(3), 1), lambda: torch.diag(rand(3, 4), -1)],
    "diag_embed": [lambda: torch.diag_embed(rand(2, 3), 1), lambda: rand(2, 3).diag_embed(0, 0, 2)],
    "view_as_real": [lambda: torch.view_as_real(torch.complex(rand(2), rand(2)))],
    "view_as_complex": [lambda: torch.view_as_complex(rand(3, 2))],
    "sum_to_size": [lambda: rand(2, 3).sum_to_size(1, 3)],
    "meshgrid": [
        lambda: torch.meshgrid(rand(2), rand(3), indexing="ij"),
        lambda: torch.meshgrid([rand(2), rand(3), rand(4)], indexing="xy"),
    ],
    "block_diag": [lambda: torch.block_diag(rand(2, 3), rand(1, 1), rand(2))],
    "chunk": [
        lambda: rand(2, 7).chunk(3, 1),
        lambda: torch.chunk(rand(5, 2), 4),
        lambda: rand(6, 2).chunk(chunks=2, dim=0),
    ],
    "split": [
        lambda: rand(2, 7).split(3, 1),
        lambda: torch.split(rand(5, 2), [2, 3]),
        lambda: rand(5, 2).split((1, 4), dim=-2),
        lambda: torch.split(rand(2, 6), split_size_or_sections=2, dim=1),
    ],
    "tensor_split": [
        lambda: torch.tensor_split(rand(7, 2), 3),
        lambda: rand(2, 7).tensor_split((1, 5), 1),
        lambda: torch.tensor_split(rand(2, 7), indices=[2], dim=1),
    ],
    "unbind": [lambda: rand(2, 3).unbind(), lambda: torch.unbind(rand(2, 3), 1)],
}

CASES = [
    pytest.param(op, call, id=f"{op}-{number}")
    for op, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.mark.parametrize(("op", "call"), CASES)
def test_axes(assert_matches: AssertMatches, op: str, call: Callable[[], Any]) -> None:
    assert_matches(op, call)
