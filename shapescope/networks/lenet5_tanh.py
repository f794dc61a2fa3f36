"""The 1998 layout of LeNet-5: tanh and average pooling, on 28 x 28 digits."""

from __future__ import annotations

import torch
from torch import nn


class MyLeNet5(nn.Module):
    """Classify 28 x 28 grey images.

    Sizes along the way: 28 -> 28 -> 14 -> 10 -> 5 -> 1. The third convolution covers its whole
    5 x 5 map, so 120 * 1 * 1 features reach the first linear layer.

    Shape:
        N x 1 x 28 x 28 -> N x 10 (raw scores, no softmax).
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.Tanh(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Conv2d(16, 120, kernel_size=5),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, 10),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the class scores of a batch of images."""
        x = self.net(x)
        return x
