"""The Fashion-MNIST network, whose activations and pools are function calls in ``forward``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Network(nn.Module):
    """Classify 28 x 28 grey images.

    Sizes along the way: 28 -> 24 -> 12 -> 8 -> 4, so 12 * 4 * 4 = 192 features reach ``fc1``.
    Only the five layers with weights are modules.

    Shape:
        N x 1 x 28 x 28 -> N x 10 (raw scores, no softmax).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=6, kernel_size=5)
        self.conv2 = nn.Conv2d(in_channels=6, out_channels=12, kernel_size=5)

        self.fc1 = nn.Linear(in_features=12 * 4 * 4, out_features=120)
        self.fc2 = nn.Linear(in_features=120, out_features=60)
        self.out = nn.Linear(in_features=60, out_features=10)

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        """Return the class scores of a batch of images."""
        # first convolution: N x 1 x 28 x 28 -> N x 6 x 12 x 12
        t = self.conv1(t)
        t = F.relu(t)
        t = F.max_pool2d(t, kernel_size=2, stride=2)

        # second convolution: N x 6 x 12 x 12 -> N x 12 x 4 x 4
        t = self.conv2(t)
        t = F.relu(t)
        t = F.max_pool2d(t, kernel_size=2, stride=2)

        # linear layers: N x 192 -> N x 120 -> N x 60 -> N x 10
        t = t.reshape(-1, 12 * 4 * 4)
        t = self.fc1(t)
        t = F.relu(t)

        t = self.fc2(t)
        t = F.relu(t)

        t = self.out(t)
        return t
