"""Every way in which a constructor or a call can stand in a file; positions are tested."""

# fmt: off
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


def conv3x3(width):
    return nn.Conv2d(width, width, 3, padding=1)


class Block(nn.Module):
    def __init__(self, width, *, deep=False):
        super().__init__()
        self.größe = nn.Conv2d(width, width, 1); self.tail = nn.ReLU()  # noqa: E702
        self.helped = conv3x3(width)
        self.norm = nn.BatchNorm2d(width) if deep else nn.Identity()

    def forward(self, x):
        return self.norm(self.helped(self.tail(self.größe(x))))


class Deeper(Block):
    def __init__(self, width):
        super().__init__(width, deep=True)
        self.add_module("extra", nn.Dropout(0.5))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(
                3,
                8,
                3,
            ),
            nn.ReLU(),
        )
        layers = []
        for _ in range(2):
            layers.append(Block(8))  # noqa: PERF401
        self.blocks = nn.Sequential(*layers)
        self.named = nn.Sequential(OrderedDict([("a", nn.Tanh()), ("b", nn.ELU())]))
        self.list = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 4)])
        self.table = nn.ModuleDict({"one": nn.Sigmoid()})
        self.deeper: nn.Module = Deeper(8)
        self.left, self.right = nn.Linear(8, 2), nn.Linear(8, 3)
        encoder = nn.TransformerEncoderLayer(8, 2)
        self.encoder = nn.TransformerEncoder(encoder, 2, enable_nested_tensor=False)
        self.again = self.left

    def forward(self, x):
        x = self.deeper(self.blocks(self.stem(x)))
        größe = x.mean((2, 3)); y = F.relu(größe)  # noqa: E702
        return torch.cat(
            [self.left(y), self.right(y)],
            dim=1,
        )
