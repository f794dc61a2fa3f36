import torch
import torch.nn as nn


class ConvGRU(nn.Module):
    def __init__(self, c=3, h=6):
        super().__init__()
        self.gates = nn.Conv2d(c + h, 2 * h, 3, padding=1)
        self.cand = nn.Conv2d(c + h, h, 3, padding=1)

    def forward(self, x, state):
        z, r = torch.sigmoid(self.gates(torch.cat([x, state], 1))).chunk(2, 1)
        new = torch.tanh(self.cand(torch.cat([x, r * state], 1)))
        return (1 - z) * state + z * new
