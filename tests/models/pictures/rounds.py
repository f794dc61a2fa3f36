"""Models whose modules run round after round, one with many small steps, two small chains."""

import torch
from torch import nn


class Unrolled(nn.Module):
    """A recurrent cell called step by step, its output read each time."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(8, 16)
        self.read = nn.Linear(16, 4)

    def forward(self, x):
        state = x.new_zeros(x.shape[0], 16)
        rows = []
        for time in range(x.shape[1]):
            state = self.cell(x[:, time], state)
            rows.append(self.read(state))
        return torch.stack(rows, 1)


class Twins(nn.Module):
    """Branches that are alike and stand side by side: no rounds."""

    def __init__(self):
        super().__init__()
        self.arms = nn.ModuleList(nn.Conv2d(3, 8, 3) for _ in range(10))
        self.hands = nn.ModuleList(nn.MaxPool2d(2) for _ in range(10))

    def forward(self, x):
        return torch.cat([h(a(x)) for a, h in zip(self.arms, self.hands, strict=True)], 1)


class Tail(nn.Module):
    """One layer, then arithmetic on its output."""

    def __init__(self, fails=False):
        super().__init__()
        self.head = nn.Linear(8, 8)
        self.fails = fails

    def forward(self, x):
        boxes = self.head(x)
        parts = []
        for place in range(7):
            part = boxes[:, place : place + 1]
            low = part.exp() * boxes[:, -1:]
            parts.append(low - part)
            if self.fails and place == 4:
                part @ boxes
        return torch.cat(parts, 1)


class Dense(nn.Module):
    """Linear layers alone."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 30)
        self.last = nn.Linear(30, 5)

    def forward(self, x):
        return self.last(self.first(x).relu())


class Up(nn.Module):
    """A transposed convolution without overlap."""

    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 3, 2, stride=2)

    def forward(self, x):
        return self.up(x)
