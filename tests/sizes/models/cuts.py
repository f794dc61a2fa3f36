"""Networks whose sizes are limited where maps are cut up, written into and multiplied."""

import torch
import torch.nn as nn


class Glimpses(nn.Module):
    """Eight pieces of the width, or it stops."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        pieces = torch.chunk(x, 8, dim=2)
        assert len(pieces) == 8
        return torch.stack([self.fc(piece.mean(2)) for piece in pieces], 1)


class Relative(nn.Module):
    """Scores against a table for 14 rows, by einsum."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(4, 14, 14))

    def forward(self, x):
        return torch.einsum("nci,cij->nij", x, self.table)


class Shifted(nn.Module):
    """Writes the second picture, shifted by two columns, into room made for the first."""

    def forward(self, left, right):
        room = left.new_zeros(left.shape)
        room[:, :, 2:] = left[:, :, 2:] - right[:, :, :-2]
        return room
