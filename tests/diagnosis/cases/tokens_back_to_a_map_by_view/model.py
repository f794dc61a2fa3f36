import torch
import torch.nn as nn


class SegFormerHead(nn.Module):
    def __init__(self, dim=12, classes=3):
        super().__init__()
        self.embed = nn.Conv2d(3, dim, 1)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim))
        self.cls = nn.Conv2d(dim, classes, 1)

    def forward(self, x):
        x = self.embed(x)
        B, C, H, W = x.shape
        tokens = x.flatten(2).transpose(1, 2)      # B, H*W, C
        tokens = tokens + self.mlp(tokens)
        x = tokens.reshape(B, C, H, W)
        return self.cls(x)
