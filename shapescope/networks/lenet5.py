"""LeNet-5 with batch normalisation and ReLU, for digits enlarged to 32 x 32."""

from __future__ import annotations

import torch
from torch import nn


class LeNet5(nn.Module):
    """Classify 32 x 32 grey images.

    Sizes along the way: 32 -> 28 -> 14 -> 10 -> 5, so 16 * 5 * 5 = 400 features reach ``fc``.
    An image of 28 x 28 leaves 16 * 4 * 4 = 256 there and does not fit.

    Args:
        num_classes: number of outputs per image.

    Shape:
        N x 1 x 32 x 32 -> N x num_classes (raw scores, no softmax).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5, stride=1, padding=0),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.layer2 = nn.Sequential(
            nn.Conv2d(6, 16, kernel_size=5, stride=1, padding=0),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.fc = nn.Linear(400, 120)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(120, 84)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(84, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the class scores of a batch of images."""
        out: torch.Tensor = self.layer1(x)
        out = self.layer2(out)
        out = out.reshape(out.size(0), -1)
        out = self.fc(out)
        out = self.relu(out)
        out = self.fc1(out)
        out = self.relu1(out)
        out = self.fc2(out)
        return out
