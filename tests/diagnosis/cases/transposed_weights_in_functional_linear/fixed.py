import torch
import torch.nn as nn
import torch.nn.functional as F


class Tied(nn.Module):
    """Autoencoder with tied weights."""

    def __init__(self, inp=784, hid=64):
        super().__init__()
        self.encoder = nn.Linear(inp, hid)
        self.bias = nn.Parameter(torch.zeros(inp))

    def forward(self, x):
        h = torch.sigmoid(self.encoder(x.view(x.size(0), -1)))
        y = F.linear(h, self.encoder.weight.t(), self.bias)
        return y
