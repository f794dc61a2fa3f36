import torch
from torch import nn


class GatedConv(nn.Module):
    def __init__(self, channels=8):
        super().__init__()
        self.conv = nn.Conv2d(channels, 3 * channels, 3, padding=1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        a, b, skip = self.conv(x).chunk(3, dim=1)
        return self.out(torch.tanh(a) * torch.sigmoid(b) + skip)
