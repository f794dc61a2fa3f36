"""Multiply-adds, against torch's own count on meta, which is in FLOPs: two for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional
from torch import nn
from torch.nn.attention.flex_attention import flex_attention
from torch.utils.flop_counter import FlopCounterMode

from shapescope.analysis.cost import step_macs
from shapescope.analysis.step_check import check_step
from shapescope.ops import lookup, registered
from shapescope.trace import Step, TensorSpec

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional
StepsOf = Callable[..., tuple[Step, ...]]


def m(*shape: int) -> Any:
    return torch.empty(*shape, device="meta")


def torch_macs(call: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return int(flops) // 2


MODULES: list[tuple[nn.Module, tuple[Any, ...]]] = [
    (nn.Conv1d(4, 6, 3, stride=2, groups=2), (m(3, 4, 9),)),
    (nn.Conv2d(4, 8, (2, 3), padding=(1, 0), dilation=2, groups=4), (m(2, 4, 9, 9),)),
    (nn.Conv2d(3, 8, 3, padding="same", bias=False), (m(2, 3, 9, 9),)),
    (nn.Conv3d(2, 3, 2), (m(2, 2, 4, 5, 6),)),
    (nn.ConvTranspose1d(4, 6, 3, groups=2), (m(3, 4, 9),)),
    (nn.ConvTranspose2d(32, 1, 3), (m(1, 32, 5, 5),)),
    (nn.ConvTranspose2d(4, 8, 3, 2, 1, output_padding=1, groups=2), (m(2, 4, 5, 5),)),
    (nn.ConvTranspose3d(2, 4, 2, groups=2), (m(1, 2, 3, 3, 3),)),
    (nn.Linear(3, 8), (m(5, 10, 3),)),
    (nn.Linear(3, 8), (m(3),)),
    (nn.Linear(3, 8, bias=False), (m(2, 5, 10, 3),)),
    (nn.RNN(3, 5, 2), (m(7, 2, 3),)),
    (nn.LSTM(32, 64, 2), (m(2, 7, 32),)),
    (nn.LSTM(3, 6, 2, bidirectional=True, proj_size=2, batch_first=True), (m(2, 7, 3),)),
    (nn.LSTM(3, 6, bias=False), (m(7, 3),)),
    (nn.GRU(3, 5, 3, bidirectional=True), (m(7, 2, 3),)),
    (nn.RNNCell(3, 5), (m(2, 3), m(2, 5))),
    (nn.LSTMCell(3, 5), (m(2, 3), (m(2, 5), m(2, 5)))),
    (nn.GRUCell(3, 5), (m(2, 3), m(2, 5))),
    (nn.MultiheadAttention(8, 2), (m(5, 2, 8), m(5, 2, 8), m(5, 2, 8))),
    (nn.MultiheadAttention(8, 2, batch_first=True), (m(2, 5, 8), m(2, 7, 8), m(2, 7, 8))),
    (
        nn.MultiheadAttention(8, 2, kdim=3, vdim=4, batch_first=True),
        (m(2, 5, 8), m(2, 7, 3), m(2, 7, 4)),
    ),
    (
        nn.MultiheadAttention(8, 4, add_bias_kv=True, add_zero_attn=True),
        (m(5, 2, 8), m(6, 2, 8), m(6, 2, 8)),
    ),
    (nn.MultiheadAttention(8, 2), (m(5, 8), m(6, 8), m(6, 8))),
]


@pytest.mark.parametrize(("layer", "inputs"), MODULES, ids=lambda value: type(value).__name__)
def test_layer_costs_what_torch_counts(
    steps_of: StepsOf, layer: nn.Module, inputs: tuple[Any, ...]
) -> None:
    copy = layer.to("meta")
    (step,) = [step for step in steps_of(copy, *inputs, mode="meta") if step.op != "module"]
    expected = torch_macs(lambda: copy(*inputs))
    assert expected > 0
    assert step_macs(step) == expected


CALLS: list[Callable[[], Any]] = [
    lambda: F.conv2d(m(2, 4, 9, 9), m(6, 2, 3, 3), groups=2),
    lambda: F.conv_transpose2d(m(2, 4, 5, 5), m(4, 3, 3, 3), stride=2, groups=2),
    lambda: F.linear(m(2, 5, 3), m(4, 3)),
    lambda: m(2, 3) @ m(3, 4),
    lambda: torch.matmul(m(5, 1, 2, 3), m(6, 3, 4)),
    lambda: torch.bmm(m(5, 2, 3), m(5, 3, 4)),
    lambda: torch.addmm(m(4), m(2, 3), m(3, 4)),
    lambda: torch.baddbmm(m(5, 2, 4), m(5, 2, 3), m(5, 3, 4)),
    lambda: torch.tensordot(m(2, 3, 4), m(3, 4, 5), 2),
    lambda: torch.inner(m(2, 3), m(4, 3)),
    lambda: torch.linalg.multi_dot([m(2, 3), m(3, 40), m(40, 5), m(5, 2)]),
    lambda: torch.einsum("bij,bjk->bik", m(2, 3, 4), m(2, 4, 5)),
    lambda: torch.einsum("bhqd,bhkd->bhqk", m(1, 2, 3, 4), m(1, 2, 5, 4)),
    lambda: torch.einsum("...d,de->...e", m(2, 3, 4), m(4, 5)),
    lambda: torch.einsum("bi,bj->bij", m(2, 3), m(2, 4)),
    lambda: torch.einsum("ijl,jk->ik", m(2, 3, 6), m(3, 4)),
    lambda: torch.einsum("ij,jk,kl->il", m(2, 3), m(3, 4), m(4, 5)),
    lambda: F.scaled_dot_product_attention(m(1, 12, 64, 64), m(1, 12, 64, 64), m(1, 12, 64, 64)),
    lambda: F.scaled_dot_product_attention(m(2, 4, 5, 8), m(2, 4, 7, 8), m(2, 4, 7, 6)),
    lambda: F.scaled_dot_product_attention(
        m(2, 8, 5, 16), m(2, 2, 7, 16), m(2, 2, 7, 16), enable_gqa=True
    ),
    lambda: F.multi_head_attention_forward(
        m(5, 2, 8), m(6, 2, 8), m(6, 2, 8), 8, 2, m(24, 8), m(24), None, None, False, 0.0,
        m(8, 8), m(8), training=False,
    ),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_call_costs_what_torch_counts(steps_of: StepsOf, call: Callable[[], Any]) -> None:
    steps = steps_of(call, mode="meta")
    assert sum(step_macs(step) or 0 for step in steps) == torch_macs(call)


def test_what_torch_does_not_count_is_counted_by_hand(steps_of: StepsOf) -> None:
    def macs(call: Callable[[], Any]) -> int | None:
        return step_macs(steps_of(call, mode="meta")[-1])

    assert macs(lambda: torch.mv(m(2, 3), m(3))) == 2 * 3
    assert macs(lambda: torch.dot(m(3), m(3))) == 3
    assert macs(lambda: torch.linalg.vecdot(m(2, 3), m(2, 3))) == 2 * 3
    assert macs(lambda: F.bilinear(m(2, 3), m(2, 4), m(5, 3, 4))) == 2 * 5 * (3 * 4 + 3)
    assert macs(lambda: torch._int_mm(m(4, 3).char(), m(3, 8).char())) == 4 * 8 * 3
    assert macs(lambda: F.conv1d(m(4, 9), m(6, 4, 3))) == 6 * 7 * 4 * 3


def test_flex_attention_costs_every_query_with_every_key(steps_of: StepsOf) -> None:
    query, keys = torch.rand(2, 4, 5, 8), torch.rand(2, 2, 7, 8)

    def attend() -> Any:
        return flex_attention(query, keys, keys, enable_gqa=True)

    steps = [step for step in steps_of(attend) if step.op == "flex_attention"]
    assert [step_macs(step) for step in steps] == [2 * 4 * 5 * 7 * (8 + 8)]
    assert [check_step(step).status for step in steps] == ["match"]


def test_packed_sequence_costs_only_its_steps(steps_of: StepsOf) -> None:
    packed = nn.utils.rnn.pack_sequence([torch.rand(5, 3), torch.rand(2, 3)])
    layer = nn.LSTM(3, 4)
    steps = [step for step in steps_of(layer, packed, mode="real") if step.op == "lstm"]
    assert step_macs(steps[0]) == (5 + 2) * 4 * 4 * (3 + 4)


def test_norms_activations_and_pools_cost_nothing_and_are_counted() -> None:
    for op in ("batch_norm", "relu", "max_pool2d", "adaptive_avg_pool2d", "softmax", "view", "add"):
        assert lookup(op).free
        assert lookup(op).macs_rule is None


def test_an_op_without_a_rule_says_so() -> None:
    for op in ("fft_fft", "my_own_kernel"):
        made = (TensorSpec((2,)),)
        assert step_macs(Step(0, "", op, "function", None, (), made, made)) is None


def test_what_failed_and_what_was_opened_did_nothing_itself() -> None:
    assert step_macs(Step(0, "", "linear", "module", None, (), (TensorSpec((2, 3)),), ())) == 0
    assert step_macs(Step(0, "", "module", "module", None, (), (), ())) == 0


def test_free_ops_have_no_second_rule() -> None:
    assert not [row.name for row in registered() if row.free and row.macs_rule is not None]
