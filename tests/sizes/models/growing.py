"""Maps whose size behind a few layers is a formula that nobody can read."""

import torch.nn.functional as F
from torch import nn


class Squares(nn.Module):
    """Padded by what a square leaves over, so that formulas grow threefold with every layer."""

    def forward(self, x):
        for _ in range(8):
            width = x.shape[-1]
            x = F.pad(x, (0, width * width % 11))
        return x


class Powers(nn.Module):
    """The same with fourth powers of sums, which are the longer multiplied out."""

    def forward(self, x):
        for _ in range(5):
            width = x.shape[-1]
            x = F.pad(x, (0, width * width * width * width % 11))
        return x


class SquaresIntoLinear(nn.Module):
    """The asked width is not one of the few that a layer takes behind such maps."""

    def __init__(self):
        super().__init__()
        self.squares, self.fc = Squares(), nn.Linear(3 * 32 * 61, 10)

    def forward(self, x):
        return self.fc(self.squares(x).flatten(1))


class ThriceIntoLinear(nn.Module):
    """Few enough layers for a formula, though not for one that could be read."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3 * 32 * 61, 10)

    def forward(self, x):
        for _ in range(4):
            width = x.shape[-1]
            x = F.pad(x, (0, width * width % 11))
        return self.fc(x.flatten(1))
