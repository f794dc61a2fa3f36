"""Torch's names for the positional arguments of layers and calls that edits are made of."""

from __future__ import annotations

_CONV = "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode"
_TRANSPOSED = (
    "in_channels out_channels kernel_size stride padding output_padding groups bias dilation"
)
_MAX_POOL = "kernel_size stride padding dilation return_indices ceil_mode"
_AVG_POOL = "kernel_size stride padding ceil_mode count_include_pad"
_RECURRENT = "input_size hidden_size num_layers bias batch_first dropout bidirectional"

SIGNATURES = {
    "Linear": "in_features out_features bias",
    "Bilinear": "in1_features in2_features out_features bias",
    **{f"Conv{axes}d": _CONV for axes in (1, 2, 3)},
    **{f"ConvTranspose{axes}d": _TRANSPOSED for axes in (1, 2, 3)},
    **{f"MaxPool{axes}d": _MAX_POOL for axes in (1, 2, 3)},
    **{f"AvgPool{axes}d": _AVG_POOL for axes in (1, 2, 3)},
    **{f"BatchNorm{axes}d": "num_features" for axes in (1, 2, 3)},
    **{f"InstanceNorm{axes}d": "num_features" for axes in (1, 2, 3)},
    "SyncBatchNorm": "num_features",
    "GroupNorm": "num_groups num_channels",
    "PixelShuffle": "upscale_factor",
    "LayerNorm": "normalized_shape",
    "RMSNorm": "normalized_shape",
    "Embedding": "num_embeddings embedding_dim padding_idx",
    "RNN": "input_size hidden_size num_layers nonlinearity bias batch_first dropout bidirectional",
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "RNNCell": "input_size hidden_size bias nonlinearity",
    "LSTMCell": "input_size hidden_size bias",
    "GRUCell": "input_size hidden_size bias",
    "MultiheadAttention": "embed_dim num_heads dropout bias",
    "TransformerEncoderLayer": "d_model nhead dim_feedforward dropout activation",
    "TransformerDecoderLayer": "d_model nhead dim_feedforward dropout activation",
    "Transformer": "d_model nhead num_encoder_layers num_decoder_layers dim_feedforward",
    "Flatten": "start_dim end_dim",
    "Softmax": "dim",
    "LogSoftmax": "dim",
    "Softmin": "dim",
    "Upsample": "size scale_factor mode align_corners",
    "max_pool1d": "input kernel_size stride padding dilation ceil_mode",
    "max_pool2d": "input kernel_size stride padding dilation ceil_mode",
    "max_pool3d": "input kernel_size stride padding dilation ceil_mode",
    "avg_pool1d": "input kernel_size stride padding ceil_mode",
    "avg_pool2d": "input kernel_size stride padding ceil_mode",
    "avg_pool3d": "input kernel_size stride padding ceil_mode",
    "softmax": "input dim",
    "log_softmax": "input dim",
    "flatten": "input start_dim end_dim",
    "squeeze": "input dim",
    "cat": "tensors dim",
    "concat": "tensors dim",
    "stack": "tensors dim",
    "normalize": "input p dim",
    "mean": "input dim keepdim",
    "sum": "input dim keepdim",
    "std": "input dim",
    "var": "input dim",
    "transpose": "input dim0 dim1",
    "unsqueeze": "input dim",
}
"""Positional parameters of the calls that edits are made in, separated by spaces."""
