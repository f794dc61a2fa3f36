"""Convolutional networks drawn at random, each from its seed."""

import random

import torch
import torch.nn as nn


class RandomCNN(nn.Module):
    """Layers, skips and a head as the seed has them."""

    def __init__(self, seed=0):
        super().__init__()
        draw = random.Random(seed)
        layers, channels, side = [], 3, draw.randint(40, 96)
        self.built_for = side
        for _ in range(draw.randint(3, 6)):
            kind = draw.choice(["conv", "conv", "pool", "avg", "skip", "ceil", "norm"])
            if kind == "conv":
                kernel, stride = draw.choice([1, 2, 3, 5, 7]), draw.choice([1, 1, 2, 3])
                padding, dilation = draw.randint(0, kernel // 2), draw.choice([1, 1, 2])
                reach = dilation * (kernel - 1) + 1
                if side + 2 * padding < reach + 6:
                    continue
                width = draw.choice([4, 6, 8])
                layers.append(nn.Conv2d(channels, width, kernel, stride, padding, dilation))
                channels, side = width, (side + 2 * padding - reach) // stride + 1
            elif kind in ("pool", "avg", "ceil") and side > 8:
                kernel, stride = draw.choice([2, 3]), draw.choice([2, 2, 3])
                pool = nn.AvgPool2d if kind == "avg" else nn.MaxPool2d
                layer = pool(kernel, stride, draw.choice([0, 1]), ceil_mode=kind == "ceil")
                layers.append(layer)
                side = layer(torch.zeros(1, 1, side, side)).shape[-1]
            elif kind == "skip":
                layers.append(Skip(channels, draw.choice([0, 1])))
            elif kind == "norm":
                layers.append(nn.BatchNorm2d(channels))
        self.features = nn.Sequential(*layers)
        self.head = draw.choice(["linear", "linear", "view", "pool", "none", "square"])
        if self.head in ("linear", "view"):
            self.fc = nn.Linear(channels * side * side, 5)
        elif self.head == "square":
            self.fc = nn.Linear(side, 5)
        self.pool = nn.AvgPool2d(max(side // 2, 1))

    def forward(self, x):
        x = self.features(x)
        if self.head == "linear":
            return self.fc(x.flatten(1))
        if self.head == "view":
            return self.fc(x.view(-1, self.fc.in_features))
        if self.head == "pool":
            return self.pool(x)
        if self.head == "square":
            return self.fc(x)
        return x


class Skip(nn.Module):
    """A sum of two ways: with one pixel less on one of them where `short` is 1."""

    def __init__(self, channels, short):
        super().__init__()
        self.down = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.short = short

    def forward(self, x):
        y = self.conv(x)
        return y + self.up(self.down(y)) if self.short else y + x
