import torch
import torch.nn as nn


class Seg(nn.Module):
    def __init__(self, n=4):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, n, 1))

    def forward(self, x):
        x = self.body(x)
        return x.argmax(1)
