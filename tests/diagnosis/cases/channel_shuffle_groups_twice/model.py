import torch
import torch.nn as nn


def channel_shuffle(x, groups):
    b, c, h, w = x.size()
    x = x.view(b, groups, groups, h, w)
    x = torch.transpose(x, 1, 2).contiguous()
    return x.view(b, -1, h, w)


class Shuffle(nn.Module):
    def __init__(self, c=48, g=3):
        super().__init__()
        self.g = g
        self.conv = nn.Conv2d(c, c, 1, groups=g)
        self.out = nn.Conv2d(c, c, 3, padding=1, groups=c)

    def forward(self, x):
        return self.out(channel_shuffle(self.conv(x), self.g))
