import torch
import torch.nn as nn


class Att(nn.Module):
    def __init__(self, dim=16, inner=16):
        super().__init__()
        self.inner = inner
        self.qkv = nn.Linear(dim, 3 * inner)
        self.out = nn.Linear(inner, dim)

    def forward(self, x):
        q, k, v = torch.split(self.qkv(x), [self.inner, self.inner, 8], dim=-1)
        return self.out((q @ k.transpose(-1, -2)).softmax(-1) @ v)
