"""Two convolutions and one linear layer for 28 x 28 digits."""

from __future__ import annotations

import torch
from torch import nn


class CNN(nn.Module):
    """Classify 28 x 28 grey images.

    Sizes along the way: 28 -> 28 -> 14 -> 14 -> 7, so 32 * 7 * 7 = 1568 features reach ``out``.

    Shape:
        N x 1 x 28 x 28 -> N x 10 (raw scores, no softmax).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(  # (1, 28, 28)
            nn.Conv2d(
                in_channels=1,
                out_channels=16,
                kernel_size=5,
                stride=1,
                padding=2,
            ),  # (16, 28, 28)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2),  # (16, 14, 14)
        )
        self.conv2 = nn.Sequential(  # (16, 14, 14)
            nn.Conv2d(16, 32, 5, 1, 2),  # (32, 14, 14)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (32, 7, 7)
        )
        self.out = nn.Linear(32 * 7 * 7, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the class scores of a batch of images."""
        x = self.conv1(x)
        x = self.conv2(x)
        x = x.view(x.size(0), -1)  # (N, 1568)
        x = self.out(x)
        return x
