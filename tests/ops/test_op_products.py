"""Products and values that broadcast: rule against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional

AssertMatches = Callable[[str, Callable[[], Any]], None]


def rand(*shape: Any) -> Any:
    return torch.rand(*shape)


def ints(*shape: int, below: int = 2) -> Any:
    return torch.arange(torch.Size(shape).numel()).reshape(shape) % below


def bools(*shape: int) -> Any:
    return ints(*shape).bool()


CALLS: dict[str, list[Callable[[], Any]]] = {
    # products
    "linear": [
        lambda: F.linear(rand(2, 5, 3), rand(4, 3), rand(4)),
        lambda: F.linear(rand(3), rand(4, 3)),
        lambda: F.linear(rand(2, 3), rand(3)),
    ],
    "bilinear": [lambda: F.bilinear(rand(2, 3), rand(2, 4), rand(5, 3, 4))],
    "embedding": [lambda: F.embedding(ints(2, 3), rand(4, 5))],
    "embedding_bag": [
        lambda: F.embedding_bag(ints(2, 3), rand(4, 5)),
        lambda: F.embedding_bag(ints(6), rand(4, 5), torch.tensor([0, 2, 4])),
        lambda: F.embedding_bag(
            ints(6), rand(4, 5), torch.tensor([0, 2, 6]), include_last_offset=True
        ),
    ],
    "matmul": [
        lambda: rand(2, 3) @ rand(3, 4),
        lambda: torch.matmul(rand(5, 1, 2, 3), rand(6, 3, 4)),
        lambda: rand(3) @ rand(3),
        lambda: rand(2, 3) @ rand(3),
        lambda: rand(3) @ rand(5, 3, 4),
    ],
    "mm": [lambda: torch.mm(rand(2, 3), rand(3, 4))],
    "int_mm": [lambda: torch._int_mm(ints(32, 16).to(torch.int8), ints(16, 8).to(torch.int8))],
    "bmm": [lambda: torch.bmm(rand(5, 2, 3), rand(5, 3, 4))],
    "mv": [lambda: torch.mv(rand(2, 3), rand(3))],
    "dot": [lambda: torch.dot(rand(3), rand(3))],
    "addmm": [lambda: torch.addmm(rand(4), rand(2, 3), rand(3, 4))],
    "addmv": [lambda: torch.addmv(rand(2), rand(2, 3), rand(3))],
    "baddbmm": [lambda: torch.baddbmm(rand(5, 1, 4), rand(5, 2, 3), rand(5, 3, 4))],
    "addbmm": [lambda: torch.addbmm(rand(2, 4), rand(5, 2, 3), rand(5, 3, 4))],
    "outer": [lambda: torch.outer(rand(2), rand(3))],
    "inner": [lambda: torch.inner(rand(2, 3), rand(4, 3))],
    "tensordot": [
        lambda: torch.tensordot(rand(2, 3, 4), rand(3, 4, 5), 2),
        lambda: torch.tensordot(rand(2, 3, 4), rand(5, 3), dims=([1], [1])),
    ],
    "multi_dot": [lambda: torch.linalg.multi_dot([rand(2, 3), rand(3, 4), rand(4, 5)])],
    "vecdot": [lambda: torch.linalg.vecdot(rand(2, 3), rand(2, 3))],
    "einsum": [
        lambda: torch.einsum("bij,bjk->bik", rand(2, 3, 4), rand(2, 4, 5)),
        lambda: torch.einsum("ii->i", rand(3, 3)),
        lambda: torch.einsum("...d,de->...e", rand(2, 3, 4), rand(4, 5)),
        lambda: torch.einsum("ij,jk", rand(3, 4), rand(4, 2)),
        lambda: torch.einsum("b h q d, b h k d -> b h q k", rand(1, 2, 3, 4), rand(1, 2, 5, 4)),
        lambda: torch.einsum("i,i->", rand(3), rand(3)),
        lambda: torch.einsum("bi,bi->b", [rand(2, 3), rand(2, 3)]),
    ],
    "linear_cross_entropy": [
        lambda: F.linear_cross_entropy(rand(4, 3), rand(5, 3), ints(4)),
    ],
    "kron": [lambda: torch.kron(rand(2, 3), rand(4)), lambda: torch.kron(rand(2), rand(1, 3))],
    "addr": [lambda: torch.addr(rand(2, 3), rand(2), rand(3))],
    "inverse": [lambda: torch.inverse(torch.eye(3))],
    "linalg_solve_triangular": [
        lambda: torch.linalg.solve_triangular(torch.eye(3), rand(2, 3, 4), upper=False)
    ],
    "linalg_solve": [lambda: torch.linalg.solve(torch.eye(3), rand(3, 2))],
    "pinverse": [lambda: torch.pinverse(rand(2, 3))],
    "linalg_det": [lambda: torch.linalg.det(rand(4, 3, 3))],
    "fft_fft": [lambda: torch.fft.fft(rand(2, 8)), lambda: torch.fft.fft(rand(2, 8), 5, dim=0)],
    "fft_rfft": [lambda: torch.fft.rfft(rand(2, 8)), lambda: torch.fft.rfft(rand(8, 2), dim=0)],
    "fft_irfft": [lambda: torch.fft.irfft(rand(2, 5)), lambda: torch.fft.irfft(rand(2, 5), n=7)],
    "fft_rfft2": [lambda: torch.fft.rfft2(rand(2, 8, 6))],
    "fft_irfftn": [lambda: torch.fft.irfftn(rand(2, 8, 4), s=(8, 6), dim=(1, 2))],
    "fft_hfft": [lambda: torch.fft.hfft(rand(2, 5)), lambda: torch.fft.hfft(rand(2, 5), n=7)],
    "fft_ihfft": [lambda: torch.fft.ihfft(rand(2, 8)), lambda: torch.fft.ihfft(rand(8, 2), dim=0)],
    "fft_hfft2": [lambda: torch.fft.hfft2(rand(2, 8, 6))],
    "fft_ihfft2": [lambda: torch.fft.ihfft2(rand(2, 8, 6))],
    "fft_hfftn": [lambda: torch.fft.hfftn(rand(2, 8, 4), dim=(1,))],
    "fft_ihfftn": [lambda: torch.fft.ihfftn(rand(2, 8, 4), s=(8, 6), dim=(1, 2))],
    "fft_fftshift": [lambda: torch.fft.fftshift(rand(8))],
    "stft": [
        lambda: torch.stft(rand(2, 64), 16, return_complex=True, window=torch.ones(16)),
        lambda: torch.stft(
            rand(64),
            15,
            5,
            center=False,
            onesided=False,
            return_complex=True,
            window=torch.ones(15),
        ),
    ],
    "cov": [lambda: torch.cov(rand(3, 4))],
    "cdist": [lambda: torch.cdist(rand(2, 3, 4), rand(5, 4))],
    "scaled_dot_product_attention": [
        lambda: F.scaled_dot_product_attention(
            rand(2, 4, 5, 8), rand(2, 4, 7, 8), rand(2, 4, 7, 6)
        ),
        lambda: F.scaled_dot_product_attention(
            rand(2, 4, 5, 8), rand(2, 2, 7, 8), rand(2, 2, 7, 8), enable_gqa=True
        ),
        lambda: F.scaled_dot_product_attention(rand(5, 8), rand(5, 8), rand(5, 8), is_causal=True),
    ],
    # elementwise
    "add": [
        lambda: rand(2, 1, 3) + rand(4, 1),
        lambda: rand(2, 3) + 1,
        lambda: 1 + rand(2, 3),
        lambda: torch.add(rand(2, 3), rand(3), alpha=2),
        lambda: _increased(rand(2, 3)),
    ],
    "sub": [lambda: 1 - rand(2, 3), lambda: rand(2, 3) - rand(3), lambda: rand(2).sub_(1)],
    "mul": [lambda: rand(2, 3) * rand(2, 1), lambda: torch.multiply(rand(2), 3)],
    "div": [lambda: rand(2, 3) / 2, lambda: 2 / rand(2), lambda: torch.true_divide(rand(2), 2)],
    "floor_divide": [lambda: rand(2, 3) // 2],
    "remainder": [lambda: rand(2, 3) % 2],
    "pow": [lambda: rand(2, 3) ** 2, lambda: 2 ** rand(3), lambda: torch.pow(rand(2), rand(3, 1))],
    "neg": [lambda: -rand(2, 3)],
    "eq": [lambda: rand(2, 3) == rand(3)],
    "lt": [lambda: rand(2, 3) < 1],
    "ge": [lambda: torch.greater_equal(rand(2), rand(2))],
    "bitwise_and": [lambda: bools(2, 3) & bools(3)],
    "bitwise_not": [lambda: ~bools(2, 3)],
    "logical_and": [lambda: torch.logical_and(bools(2, 1), bools(3))],
    "maximum": [lambda: torch.maximum(rand(2, 1), rand(3))],
    "clamp": [lambda: rand(2, 3).clamp(0, 1), lambda: torch.clip(rand(2, 3), min=rand(3))],
    "masked_fill": [lambda: rand(2, 3).masked_fill(bools(3), 0.0)],
    "lerp": [lambda: torch.lerp(rand(2, 3), rand(3), 0.5)],
    "addcmul": [lambda: torch.addcmul(rand(2, 3), rand(3), rand(2, 1))],
    "cosine_similarity": [
        lambda: F.cosine_similarity(rand(2, 3), rand(2, 3)),
        lambda: torch.cosine_similarity(rand(1, 5, 3), rand(4, 1, 3), dim=-1),
    ],
    "pairwise_distance": [lambda: F.pairwise_distance(rand(2, 3), rand(2, 3), keepdim=True)],
    "linalg_cross": [lambda: torch.linalg.cross(rand(2, 3), rand(1, 3))],
    "clone": [lambda: rand(2, 3).clone()],
    "to": [
        lambda: rand(2, 3).double(),
        lambda: rand(2).to(torch.int64),
        lambda: rand(2).type(torch.int64),
    ],
    "fused_moving_avg_obs_fake_quant": [
        lambda: torch.fused_moving_avg_obs_fake_quant(
            rand(2, 3), ints(1), ints(1), rand(1), rand(1), torch.ones(1), ints(1), 0.01, 0, 255, 0
        )
    ],
    "fake_quantize_per_channel_affine": [
        lambda: torch.fake_quantize_per_channel_affine(
            rand(2, 3), torch.ones(2), ints(2).int(), 0, 0, 255
        )
    ],
    "cumsum": [lambda: rand(2, 3).cumsum(1)],
    "tril": [lambda: torch.tril(rand(3, 3), -1)],
    "softmax": [lambda: F.softmax(rand(2, 3), dim=1), lambda: rand(2, 3).softmax(-1)],
    "log_softmax": [lambda: torch.log_softmax(rand(2, 3), 1)],
    "glu": [lambda: F.glu(rand(2, 6)), lambda: F.glu(rand(4, 3), dim=0)],
    "normalize": [lambda: F.normalize(rand(2, 3), dim=-1)],
}


def _increased(tensor: Any) -> Any:
    tensor += 1
    return tensor


CASES = [
    pytest.param(op, call, id=f"{op}-{number}")
    for op, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.mark.parametrize(("op", "call"), CASES)
def test_products(assert_matches: AssertMatches, op: str, call: Callable[[], Any]) -> None:
    assert_matches(op, call)
