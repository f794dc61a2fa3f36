"""Whatever sizes are drawn: a rule refuses exactly what torch's CPU refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional
from torch import nn

from shapescope.ops import lookup
from shapescope.trace import Step

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional
StepOf = Callable[..., Step]
Call = Callable[[], Any]

FEW = ((), (1,), (4,), (4, 1), (4, 3), (1, 3), (3, 4), (4, 3, 2), (4, 3, 1))


def rand(shape: Any) -> Any:
    return torch.rand(shape)


def zeros(*shape: int) -> Any:
    return torch.full(shape, 1, dtype=torch.int64)


def instance_norms() -> Iterator[Call]:
    for shape in ((4, 3, 1), (1, 3, 4), (2, 3, 1, 1), (2, 3, 2, 1), (3, 1, 1, 1, 1), (2, 3, 0)):
        for own in (True, False):
            stored = {"running_mean": torch.zeros(3), "running_var": torch.ones(3)}
            if shape[1] == 3:
                yield partial(
                    lambda s, o, r: F.instance_norm(rand(s), use_input_stats=o, **({} if o else r)),
                    shape,
                    own,
                    stored,
                )
    yield lambda: nn.InstanceNorm2d(5)(rand((2, 5, 1, 1)))
    yield lambda: nn.InstanceNorm2d(5)(rand((5, 1, 1)))
    yield lambda: nn.InstanceNorm2d(5)(rand((5, 4, 1)))
    yield lambda: nn.InstanceNorm1d(5, track_running_stats=True).eval()(rand((2, 5, 1)))


def response_norms() -> Iterator[Call]:
    for shape in ((3,), (2, 3), (2, 3, 4), (2, 3, 4, 4), (2, 0, 4)):
        yield partial(lambda s: F.local_response_norm(rand(s), 2), shape)


def embeddings() -> Iterator[Call]:
    for dtype in (torch.int64, torch.int32, torch.int16, torch.float32, torch.bool):
        yield partial(lambda d: F.embedding(zeros(2, 3).to(d), rand((3, 4))), dtype)
        yield partial(lambda d: F.embedding_bag(zeros(2, 3).to(d), rand((3, 4))), dtype)


def bags() -> Iterator[Call]:
    cuts: tuple[Any, ...] = (None, torch.tensor([0, 2]), torch.tensor([[0, 2]]))
    for shape, cut in product(((3,), (2, 3), (2, 3, 2)), cuts):
        yield partial(lambda s, c: F.embedding_bag(zeros(*s), rand((3, 4)), c), shape, cut)
    for shape, mode in product(((2, 3), (2, 2), (3,)), ("sum", "mean")):
        yield partial(
            lambda s, m: F.embedding_bag(
                zeros(2, 3), rand((3, 4)), per_sample_weights=rand(s), mode=m
            ),
            shape,
            mode,
        )


def timed() -> Iterator[Call]:
    for scores, target in product(
        ((9, 5), (9, 2, 5), (9, 2, 5, 1)), ((3,), (6,), (1, 3), (2, 3), (3, 3), (2, 3, 1))
    ):
        rows = 2 if len(scores) > 2 else 1
        if len(target) == 1 and target[0] != 3 * rows:
            continue  # how long they are together is a matter of values
        for count in (rows, rows + 1):
            yield partial(
                lambda s, t, c: F.ctc_loss(
                    rand(s).log_softmax(-1), zeros(*t), torch.full((c,), 9), torch.full((c,), 3)
                ),
                scores,
                target,
                count,
            )


def cosines() -> Iterator[Call]:
    for left, right, target in product(
        ((3,), (4, 3), (2, 4, 3)), ((3,), (4, 3), (1, 3), (4, 2)), ((), (1,), (4,), (5,), (4, 1))
    ):
        yield partial(
            lambda a, b, t: F.cosine_embedding_loss(rand(a), rand(b), torch.ones(t)),
            left,
            right,
            target,
        )


def gaussians() -> Iterator[Call]:
    for given, target, var in product(FEW[1:], FEW[1:], FEW):
        yield partial(
            lambda a, b, v: F.gaussian_nll_loss(rand(a), rand(b), rand(v)), given, target, var
        )


def margins() -> Iterator[Call]:
    for scores, target in product(
        ((3,), (4, 3), (1, 3), (4, 3, 2), (4, 0), (0, 3)), ((), (1,), (4,), (5,), (4, 1), (0,))
    ):
        yield partial(lambda a, t: F.multi_margin_loss(rand(a), zeros(*t)), scores, target)
    yield lambda: F.multi_margin_loss(rand((4, 3)), zeros(4).int())
    for shape in ((4, 3), (3,), (4, 2), (2,)):
        yield partial(lambda s: F.multilabel_soft_margin_loss(rand((4, 3)), rand(s)), shape)


def written() -> Iterator[Call]:
    indices: tuple[Any, ...] = (
        0, slice(None), slice(0, 2), (0, 0), (slice(None), 1), (..., None),
        torch.tensor([0, 1]), (torch.tensor([0, 1]), torch.tensor([1, 2])), (slice(None), [0, 2]),
    )  # fmt: skip
    values = ((), (1,), (2,), (3,), (4,), (1, 3), (2, 3), (4, 3), (4, 1), (4, 2), (1, 1, 3))
    for index, value in product(indices, values):
        yield partial(lambda i, v: torch.zeros(4, 3).__setitem__(i, rand(v)), index, value)


def quantiles() -> Iterator[Call]:
    parts: tuple[Any, ...] = (0.5, 1.5, torch.tensor([0.1, 0.5]), torch.tensor([[0.1]]))
    for shape, part, dim in product(((), (3,), (3, 4), (3, 0), (0, 3)), parts, (None, 0, 1, -1, 2)):
        for take in (torch.quantile, torch.nanquantile):
            yield partial(lambda f, s, q, d: f(rand(s), q, dim=d), take, shape, part, dim)
    yield lambda: torch.quantile(zeros(3), 0.5)


def differences() -> Iterator[Call]:
    for shape, times, dim in product(((), (1,), (3,), (3, 4)), (-1, 0, 1, 9), (-1, 0, 1, 2)):
        yield partial(lambda s, n, d: torch.diff(rand(s), n=n, dim=d), shape, times, dim)
    for shape, front, dim in product(((3, 4), (3,)), ((3, 1), (2, 1), (1, 4), (3,), ()), (0, 1)):
        for times in (0, 1):
            yield partial(
                lambda s, f, d, n: torch.diff(rand(s), n=n, dim=d, prepend=rand(f)),
                shape,
                front,
                dim,
                times,
            )


def matrices() -> Iterator[Call]:
    for shape in ((), (4,), (3, 4), (3, 0), (1, 4), (2, 3, 4)):
        yield partial(lambda s: torch.cov(rand(s)), shape)
        yield partial(lambda s: torch.corrcoef(rand(s)), shape)
        yield partial(lambda s: torch.block_diag(rand((2, 2)), rand(s)), shape)
        yield partial(lambda s: F.pdist(rand(s)), shape)
        yield partial(lambda s: torch.cov(rand(s), aweights=rand((4,))), shape)
    yield lambda: F.pdist(rand((3, 4)), p=-1.0)


def grids() -> Iterator[Call]:
    thetas = ((2, 2, 3), (1, 2, 3), (2, 3, 4), (2, 3), (2, 3, 3), (2, 6))
    sizes = ((2, 3, 4, 4), (2, 3, 4, 4, 4), (2, 3, 4), (2, 3, 0, 4), (2, 3, 1, 4))
    for theta, size in product(thetas, sizes):
        yield partial(lambda t, s: F.affine_grid(rand(t), s, align_corners=False), theta, size)


def diagonals() -> Iterator[Call]:
    for shape, one, two in product(((), (3,), (2, 3), (2, 0)), (-3, -1, 0, 1, 2), (-2, 0, 1, 3)):
        yield partial(lambda s, a, b: torch.diag_embed(rand(s), dim1=a, dim2=b), shape, one, two)


def complexes() -> Iterator[Call]:
    for shape, dtype in product(
        ((), (2,), (3, 2), (2, 3), (3, 1)),
        (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.complex64),
    ):
        yield partial(lambda s, d: torch.view_as_complex(torch.ones(s, dtype=d)), shape, dtype)
        yield partial(lambda s, d: torch.view_as_real(torch.ones(s, dtype=d)), shape, dtype)


DRAWN: tuple[Callable[[], Iterator[Call]], ...] = (
    instance_norms, response_norms, embeddings, bags, timed, cosines, gaussians, margins, written,
    quantiles, differences, matrices, grids, diagonals, complexes,
)  # fmt: skip


@pytest.mark.parametrize("drawn", DRAWN)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_rule_refuses_what_torch_refuses_and_nothing_else(
    step_of: StepOf, drawn: Callable[[], Iterator[Call]]
) -> None:
    seen: set[bool] = set()
    for number, call in enumerate(drawn()):
        try:
            call()
        except (RuntimeError, ValueError, IndexError, NotImplementedError) as error:
            refused, why = True, str(error)
        else:
            refused, why = False, ""
        seen.add(refused)
        step = step_of(call)
        reason = lookup(step.op).refusal(step)
        assert (reason is not None) is refused, (number, step, reason, why)
    assert seen == {True, False}
