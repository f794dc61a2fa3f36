"""Every leaf of torch.nn: its op, its settings, and the shape that follows from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn, rand

from shapescope.analysis.step_check import check_step
from shapescope.attrs import (
    AdaptivePoolAttrs,
    AttentionAttrs,
    Attrs,
    CallAttrs,
    ConvAttrs,
    EmbeddingAttrs,
    FoldAttrs,
    FractionalPoolAttrs,
    LinearAttrs,
    NormAttrs,
    PadAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResizeAttrs,
    UnpoolAttrs,
)
from shapescope.ops import op_of_module, registered
from shapescope.trace import Step

StepOf = Callable[..., Step]


def ints(*shape: int, below: int = 2) -> Tensor:
    return torch.arange(torch.Size(shape).numel()).reshape(shape) % below


# layer, inputs, op
LAYERS: list[tuple[nn.Module, tuple[Any, ...], str]] = [
    (nn.Conv1d(4, 6, 3, stride=2, groups=2), (rand(1, 4, 9),), "conv1d"),
    (nn.Conv2d(2, 4, (2, 3), padding="same", dilation=(1, 2)), (rand(1, 2, 8, 9),), "conv2d"),
    (nn.Conv2d(2, 4, 5, padding=3, padding_mode="reflect"), (rand(1, 2, 4, 9),), "conv2d"),
    (nn.Conv3d(2, 3, 2), (rand(2, 4, 5, 6),), "conv3d"),
    (nn.LazyConv2d(4, 3), (rand(1, 2, 8, 8),), "conv2d"),
    (nn.ConvTranspose1d(2, 3, 4, stride=3, padding=1), (rand(1, 2, 5),), "conv_transpose1d"),
    (
        nn.ConvTranspose2d(2, 3, 3, 2, (1, 0), output_padding=(1, 0), dilation=(1, 2)),
        (rand(1, 2, 5, 5),),
        "conv_transpose2d",
    ),
    (nn.ConvTranspose2d(1, 1, 3, 2, 1), (rand(1, 1, 7, 7), [14, 13]), "conv_transpose2d"),
    (nn.ConvTranspose3d(2, 4, 2, groups=2), (rand(2, 3, 3, 3),), "conv_transpose3d"),
    (nn.MaxPool1d(2, 3, ceil_mode=True), (rand(1, 1, 6),), "max_pool1d"),
    (nn.MaxPool2d(3, 2, 1), (rand(1, 1, 9, 8),), "max_pool2d"),
    (nn.MaxPool2d((3,)), (rand(1, 1, 8, 8),), "max_pool2d"),
    (nn.MaxPool3d(2, return_indices=True), (rand(1, 4, 4, 4),), "max_pool3d"),
    (nn.AvgPool1d(3, 2, 1, ceil_mode=True), (rand(1, 1, 4),), "avg_pool1d"),
    (nn.AvgPool2d((3, 2), (2, 1)), (rand(1, 1, 8, 8),), "avg_pool2d"),
    (nn.AvgPool3d(2), (rand(1, 1, 4, 5, 6),), "avg_pool3d"),
    (nn.LPPool1d(2, 3, ceil_mode=True), (rand(1, 1, 7),), "lp_pool1d"),
    (nn.LPPool2d(2, (3, 2), ceil_mode=True), (rand(1, 1, 8, 8),), "lp_pool2d"),
    (nn.LPPool3d(2, 2), (rand(1, 1, 4, 4, 4),), "lp_pool3d"),
    (nn.AdaptiveAvgPool1d(3), (rand(1, 2, 7),), "adaptive_avg_pool1d"),
    (nn.AdaptiveAvgPool2d((None, 7)), (rand(1, 1, 10, 3),), "adaptive_avg_pool2d"),
    (nn.AdaptiveAvgPool3d(2), (rand(1, 1, 4, 5, 6),), "adaptive_avg_pool3d"),
    (nn.AdaptiveMaxPool1d(2), (rand(2, 7),), "adaptive_max_pool1d"),
    (nn.AdaptiveMaxPool2d((5, None)), (rand(1, 1, 2, 9),), "adaptive_max_pool2d"),
    (nn.AdaptiveMaxPool3d(1, return_indices=True), (rand(1, 1, 2, 3, 4),), "adaptive_max_pool3d"),
    (
        nn.FractionalMaxPool2d(2, output_ratio=0.29),
        (rand(1, 1, 100, 100),),
        "fractional_max_pool2d",
    ),
    (nn.FractionalMaxPool3d(2, output_size=(2, 3, 2)), (rand(1, 1, 6, 7, 6),),
     "fractional_max_pool3d"),
    (nn.MaxUnpool1d(2), (rand(1, 1, 3), ints(1, 1, 3)), "max_unpool1d"),
    (nn.MaxUnpool2d(2, 2), (rand(1, 1, 3, 3), ints(1, 1, 3, 3), [7, 6]), "max_unpool2d"),
    (nn.MaxUnpool3d(2), (rand(1, 1, 2, 2, 2), ints(1, 1, 2, 2, 2)), "max_unpool3d"),
    (nn.Unfold((2, 3), 2, 1, 2), (rand(1, 3, 10, 9),), "unfold"),
    (nn.Fold((4, 5), 2), (rand(1, 12, 12),), "fold"),
    (nn.ZeroPad1d(2), (rand(1, 1, 4),), "pad"),
    (nn.ZeroPad2d((1, 2, 3, 4)), (rand(1, 1, 6, 8),), "pad"),
    (nn.ZeroPad3d(1), (rand(1, 1, 3, 3, 3),), "pad"),
    (nn.ConstantPad1d((1, 2), 0.5), (rand(3, 4),), "pad"),
    (nn.ConstantPad2d(-1, 0.5), (rand(3, 4, 4),), "pad"),
    (nn.ConstantPad3d(1, 0.5), (rand(1, 1, 3, 3, 3),), "pad"),
    (nn.ReflectionPad1d(2), (rand(1, 1, 4),), "pad"),
    (nn.ReflectionPad2d((1, 0, 2, 1)), (rand(1, 1, 4, 4),), "pad"),
    (nn.ReflectionPad3d(1), (rand(1, 1, 3, 3, 3),), "pad"),
    (nn.ReplicationPad1d(3), (rand(1, 1, 4),), "pad"),
    (nn.ReplicationPad2d(3), (rand(1, 1, 4, 4),), "pad"),
    (nn.ReplicationPad3d(1), (rand(1, 1, 3, 3, 3),), "pad"),
    (nn.CircularPad1d(2), (rand(1, 1, 4),), "pad"),
    (nn.CircularPad2d(2), (rand(1, 1, 4, 4),), "pad"),
    (nn.CircularPad3d(1), (rand(1, 1, 3, 3, 3),), "pad"),
    (nn.Upsample(scale_factor=1.15), (rand(1, 1, 100, 100),), "interpolate"),
    (nn.Upsample((4, 9), mode="bicubic"), (rand(1, 1, 5, 5),), "interpolate"),
    (nn.UpsamplingNearest2d(scale_factor=2), (rand(1, 1, 5, 5),), "interpolate"),
    (nn.UpsamplingBilinear2d(7), (rand(1, 1, 5, 5),), "interpolate"),
    (nn.PixelShuffle(2), (rand(1, 8, 9, 6),), "pixel_shuffle"),
    (nn.PixelUnshuffle(3), (rand(1, 2, 9, 6),), "pixel_unshuffle"),
    (nn.ChannelShuffle(2), (rand(1, 8, 3, 3),), "channel_shuffle"),
    (nn.Linear(3, 8), (rand(5, 10, 3),), "linear"),
    (nn.LazyLinear(8), (rand(5, 3),), "linear"),
    (nn.Bilinear(3, 4, 5), (rand(2, 7, 3), rand(2, 7, 4)), "bilinear"),
    (nn.Identity(), (rand(2, 3),), "identity"),
    (nn.Flatten(), (rand(3, 8, 8),), "flatten"),
    (nn.Flatten(0, -2), (rand(3, 8, 2),), "flatten"),
    (nn.Unflatten(1, (2, 3)), (rand(4, 6),), "unflatten"),
    (nn.Embedding(9, 4, padding_idx=0), (ints(2, 3),), "embedding"),
    (nn.EmbeddingBag(9, 4), (ints(6), torch.tensor([0, 2, 4])), "embedding_bag"),
    (nn.EmbeddingBag(9, 4, mode="sum"), (ints(2, 3),), "embedding_bag"),
    (nn.BatchNorm1d(4), (rand(3, 4),), "batch_norm"),
    (nn.BatchNorm2d(4), (rand(3, 4, 2, 2),), "batch_norm"),
    (nn.BatchNorm3d(4), (rand(3, 4, 2, 2, 2),), "batch_norm"),
    (nn.LazyBatchNorm2d(), (rand(3, 4, 2, 2),), "batch_norm"),
    (nn.InstanceNorm1d(4), (rand(3, 4, 5),), "instance_norm"),
    (nn.InstanceNorm2d(4, affine=True), (rand(4, 5, 5),), "instance_norm"),
    (nn.InstanceNorm3d(4), (rand(1, 4, 2, 2, 2),), "instance_norm"),
    (nn.LayerNorm((4, 5)), (rand(3, 4, 5),), "layer_norm"),
    (nn.RMSNorm(5), (rand(3, 5),), "rms_norm"),
    (nn.GroupNorm(2, 4), (rand(3, 4, 5),), "group_norm"),
    (nn.LocalResponseNorm(2), (rand(3, 4, 5, 5),), "local_response_norm"),
    (nn.CrossMapLRN2d(3), (rand(3, 4, 5, 5),), "local_response_norm"),
    (nn.RNN(3, 5, nonlinearity="relu"), (rand(7, 2, 3),), "rnn"),
    (nn.LSTM(3, 5, 2, batch_first=True), (rand(2, 7, 3),), "lstm"),
    (nn.LSTM(3, 5, 2, bidirectional=True, proj_size=2), (rand(7, 3),), "lstm"),
    (nn.GRU(3, 5, bidirectional=True), (rand(7, 2, 3), rand(2, 2, 5)), "gru"),
    (nn.RNNCell(3, 5), (rand(2, 3),), "rnn_cell"),
    (nn.LSTMCell(3, 5), (rand(2, 3),), "lstm_cell"),
    (nn.GRUCell(3, 5), (rand(3), rand(5)), "gru_cell"),
    (nn.MultiheadAttention(8, 2), (rand(5, 2, 8),) * 3, "multi_head_attention"),
    (
        nn.MultiheadAttention(8, 2, kdim=3, vdim=4, batch_first=True),
        (rand(2, 5, 8), rand(2, 7, 3), rand(2, 7, 4)),
        "multi_head_attention",
    ),
    (nn.Softmax2d(), (rand(3, 2, 2),), "softmax2d"),
    (nn.GLU(1), (rand(2, 6, 3),), "glu"),
    (nn.PReLU(3), (rand(2, 3),), "prelu"),
    (nn.CosineSimilarity(1), (rand(2, 3), rand(2, 3)), "cosine_similarity"),
    (nn.PairwiseDistance(), (rand(2, 3), rand(2, 3)), "pairwise_distance"),
    (nn.CrossEntropyLoss(), (rand(2, 3), ints(2)), "cross_entropy"),
    (nn.NLLLoss(reduction="none"), (rand(2, 3), ints(2)), "nll_loss"),
    (nn.CTCLoss(), (rand(9, 2, 5), ints(2, 3) + 1, ints(2) + 8, ints(2) + 2), "ctc_loss"),
    (nn.GaussianNLLLoss(), (rand(4), rand(4), rand(4)), "gaussian_nll_loss"),
    (nn.CosineEmbeddingLoss(), (rand(2, 3), rand(2, 3), torch.ones(2)), "cosine_embedding_loss"),
    (nn.MarginRankingLoss(), (rand(2), rand(2), torch.ones(2)), "margin_ranking_loss"),
    (nn.TripletMarginLoss(), (rand(2, 3),) * 3, "triplet_margin_loss"),
    (
        nn.TripletMarginWithDistanceLoss(distance_function=F.l1_loss),
        (rand(2, 3),) * 3,
        "triplet_margin_with_distance_loss",
    ),
    (nn.MultiMarginLoss(), (rand(2, 3), ints(2)), "multi_margin_loss"),
    (nn.MultiLabelMarginLoss(), (rand(2, 3), ints(2, 3)), "multilabel_margin_loss"),
    *(
        (kind(), (rand(2, 3), torch.ones(2, 3)), op)
        for kind, op in (
            (nn.MSELoss, "mse_loss"), (nn.L1Loss, "l1_loss"), (nn.HuberLoss, "huber_loss"),
            (nn.SmoothL1Loss, "smooth_l1_loss"), (nn.BCELoss, "binary_cross_entropy"),
            (nn.BCEWithLogitsLoss, "binary_cross_entropy_with_logits"),
            (nn.PoissonNLLLoss, "poisson_nll_loss"), (nn.SoftMarginLoss, "soft_margin_loss"),
            (nn.HingeEmbeddingLoss, "hinge_embedding_loss"),
            (nn.MultiLabelSoftMarginLoss, "multilabel_soft_margin_loss"),
        )
    ),
    (nn.KLDivLoss(reduction="batchmean"), (rand(2, 3), rand(2, 3)), "kl_div"),
    *(
        (kind(*arguments), (rand(2, 3),), op)
        for kind, arguments, op in (
            (nn.ReLU, (), "relu"), (nn.ReLU6, (), "relu6"), (nn.LeakyReLU, (), "leaky_relu"),
            (nn.RReLU, (), "rrelu"), (nn.ELU, (), "elu"), (nn.SELU, (), "selu"),
            (nn.CELU, (), "celu"), (nn.GELU, (), "gelu"), (nn.SiLU, (), "silu"),
            (nn.Mish, (), "mish"), (nn.Hardswish, (), "hardswish"), (nn.Tanh, (), "tanh"),
            (nn.Hardsigmoid, (), "hardsigmoid"), (nn.Hardtanh, (), "hardtanh"),
            (nn.Hardshrink, (), "hardshrink"), (nn.Softshrink, (), "softshrink"),
            (nn.Tanhshrink, (), "tanhshrink"), (nn.Softplus, (), "softplus"),
            (nn.Softsign, (), "softsign"), (nn.LogSigmoid, (), "logsigmoid"),
            (nn.Threshold, (0.1, 0.0), "threshold"), (nn.Sigmoid, (), "sigmoid"),
            (nn.Softmax, (1,), "softmax"), (nn.Softmin, (1,), "softmin"),
            (nn.LogSoftmax, (1,), "log_softmax"), (nn.Dropout, (), "dropout"),
            (nn.AlphaDropout, (), "alpha_dropout"),
            (nn.FeatureAlphaDropout, (), "feature_alpha_dropout"),
        )
    ),
    (nn.Dropout1d(), (rand(2, 3, 4),), "dropout1d"),
    (nn.Dropout2d(), (rand(2, 3, 4, 4),), "dropout2d"),
    (nn.Dropout3d(), (rand(2, 3, 4, 4, 4),), "dropout3d"),
]  # fmt: skip
IDS = [f"{op}-{number}" for number, (_, _, op) in enumerate(LAYERS)]


@pytest.mark.parametrize(("layer", "inputs", "op"), LAYERS, ids=IDS)
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.filterwarnings("ignore:FeatureAlphaDropout|size_average:UserWarning")
def test_layer_has_its_op_and_matches(
    step_of: StepOf, layer: nn.Module, inputs: tuple[Any, ...], op: str
) -> None:
    step = step_of(layer, *inputs)
    check = check_step(step)
    assert step.op == op
    assert step.kind == "module"
    assert (check.status, check.expected) == ("match", step.outputs[0].shape), step


def test_every_leaf_of_torch_nn_has_a_row() -> None:
    covered = {type(layer) for layer, _, _ in LAYERS}
    rows = {row.name for row in registered()}
    untested, unknown = [], []
    for name, kind in vars(nn).items():
        if not inspect.isclass(kind) or not issubclass(kind, nn.Module):
            continue
        if kind.__module__.startswith("torch.nn.modules.container") or kind is nn.Module:
            continue
        if op_of_module(kind) not in rows:
            unknown.append(name)
        elif kind not in covered and not name.startswith("Lazy"):
            untested.append(name)
    # opened, for they hold layers of their own; a base class; one that is deprecated
    composites = {
        "AdaptiveLogSoftmaxWithLoss", "Transformer", "TransformerEncoder", "TransformerDecoder",
        "TransformerEncoderLayer", "TransformerDecoderLayer", "Container", "RNNCellBase",
        "DataParallel",
    }  # fmt: skip
    assert set(unknown) <= composites
    assert set(untested) <= {"RNNBase", "NLLLoss2d", "SyncBatchNorm", "LinearCrossEntropyLoss"}


def of(layer: nn.Module, *inputs: Any) -> Attrs | None:
    from shapescope.ops import lookup

    return lookup(op_of_module(type(layer))).read_module(layer, inputs)


@pytest.mark.parametrize(
    ("layer", "attrs"),
    [
        (
            nn.Conv2d(2, 4, (2, 3), padding="same", groups=2, bias=False),
            ConvAttrs(2, 4, (2, 3), (1, 1), "same", (1, 1), groups=2, bias=False),
        ),
        (
            nn.ConvTranspose1d(2, 3, 4, stride=3, padding=1, output_padding=2),
            ConvAttrs(2, 3, (4,), (3,), (1,), (1,), output_padding=(2,)),
        ),
        (nn.MaxPool2d(3, ceil_mode=True), PoolAttrs((3, 3), (3, 3), (0, 0), (1, 1), True)),
        (
            nn.AvgPool2d(3, 2, 1, count_include_pad=False),
            PoolAttrs((3, 3), (2, 2), (1, 1), (1, 1), count_include_pad=False),
        ),
        (nn.LPPool1d(2, 3), PoolAttrs((3,), (3,), (0,), (1,), norm_type=2.0)),
        (nn.AdaptiveAvgPool2d((None, 7)), AdaptivePoolAttrs((None, 7))),
        (
            nn.FractionalMaxPool2d(2, output_ratio=0.5),
            FractionalPoolAttrs((2, 2), None, (0.5, 0.5)),
        ),
        (nn.MaxUnpool2d(2, 1), UnpoolAttrs((2, 2), (1, 1), (0, 0))),
        (nn.Fold((4, 5), 2), FoldAttrs((2, 2), (1, 1), (0, 0), (1, 1), (4, 5))),
        (nn.ReflectionPad1d(2), PadAttrs((2, 2), "reflect")),
        (nn.ZeroPad2d((1, 2, 3, 4)), PadAttrs((1, 2, 3, 4))),
        (nn.Upsample(scale_factor=2), ResizeAttrs(None, (2.0,))),
        (nn.Linear(3, 8, bias=False), LinearAttrs(3, 8, bias=False)),
        (nn.BatchNorm2d(4), NormAttrs(4, batch_statistics=True)),
        (nn.BatchNorm2d(4).eval(), NormAttrs(4)),
        (nn.BatchNorm2d(4, track_running_stats=False).eval(), NormAttrs(4, batch_statistics=True)),
        (nn.InstanceNorm2d(4), NormAttrs(4, affine=False)),
        (nn.LayerNorm(4), NormAttrs(normalized_shape=(4,))),
        (nn.GroupNorm(2, 4), NormAttrs(4, 2)),
        (nn.Embedding(9, 4, padding_idx=0), EmbeddingAttrs(9, 4, 0)),
        (nn.LSTM(3, 5, 2, bidirectional=True), RecurrentAttrs(3, 5, 2, bidirectional=True)),
        (nn.GRUCell(3, 5), RecurrentAttrs(3, 5, cell=True)),
        (nn.MultiheadAttention(8, 2, vdim=4), AttentionAttrs(8, 2, 8, 4)),
        (
            nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True),
            AttentionAttrs(8, 2, 8, 8, extra_keys=2),
        ),
        (nn.Flatten(), CallAttrs((("start_dim", 1), ("end_dim", -1)))),
        (nn.Dropout(0.3), CallAttrs((("p", 0.3), ("training", True), ("inplace", False)))),
        (nn.ReLU(), CallAttrs((("inplace", False),))),
        (nn.Tanh(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_settings_of_a_layer(layer: nn.Module, attrs: Attrs | None) -> None:
    assert of(layer) == attrs
