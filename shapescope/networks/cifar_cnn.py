"""A plain convolutional network for CIFAR-10: four convolutions, two pools, two linear layers."""

from __future__ import annotations

import torch
from torch import nn


class ConvNeuralNet(nn.Module):
    """Classify 32 x 32 colour images.

    Sizes along the way: 32 -> 30 -> 28 -> 14 -> 12 -> 10 -> 5, so 64 * 5 * 5 = 1600 features reach
    ``fc1``. There is no activation between the convolutions; the document has none either.

    Args:
        num_classes: number of outputs per image.

    Shape:
        N x 3 x 32 x 32 -> N x num_classes (raw scores, no softmax).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv_layer1 = nn.Conv2d(in_channels=3, out_channels=32, kernel_size=3)
        self.conv_layer2 = nn.Conv2d(in_channels=32, out_channels=32, kernel_size=3)
        self.max_pool1 = nn.MaxPool2d(kernel_size=2, stride=2)

        self.conv_layer3 = nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3)
        self.conv_layer4 = nn.Conv2d(in_channels=64, out_channels=64, kernel_size=3)
        self.max_pool2 = nn.MaxPool2d(kernel_size=2, stride=2)

        self.fc1 = nn.Linear(1600, 128)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(128, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the class scores of a batch of images."""
        out: torch.Tensor = self.conv_layer1(x)
        out = self.conv_layer2(out)
        out = self.max_pool1(out)

        out = self.conv_layer3(out)
        out = self.conv_layer4(out)
        out = self.max_pool2(out)

        out = out.reshape(out.size(0), -1)

        out = self.fc1(out)
        out = self.relu1(out)
        out = self.fc2(out)
        return out
