import torch.nn as nn
import torch.nn.functional as F


class ConvBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return F.avg_pool2d(F.leaky_relu(self.conv(x), 0.2), 2)


class Discriminator(nn.Module):
    """Progressive critic, here for log-mel pictures."""

    def __init__(self, max_channels=512):
        super().__init__()
        self.from_rgb = nn.Conv2d(1, 64, 1)
        self.blocks = nn.ModuleList([ConvBlock(64, 128), ConvBlock(128, 256), ConvBlock(256, max_channels)])
        self.last = nn.Conv2d(max_channels, max_channels, 4)
        self.linear = nn.Linear(max_channels, 1)

    def forward(self, x):
        h = self.from_rgb(x)
        for block in self.blocks:
            h = block(h)
        h = F.leaky_relu(self.last(h), 0.2)
        h = self.linear(h.squeeze(-1).squeeze(-1))
        return h
