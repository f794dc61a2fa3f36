import torch
import torch.nn.functional as F
from torch import nn


class TwoStream(nn.Module):
    def __init__(self):
        super().__init__()
        self.rgb = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.flow = nn.Sequential(nn.Conv2d(2, 16, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(32, 12)

    def forward(self, rgb, flow):
        a = self.rgb(rgb)
        b = self.flow(flow)
        return self.head(torch.cat((a, b)))
