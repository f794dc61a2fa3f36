import torch
import torch.nn as nn


class PointMLP(nn.Module):
    def __init__(self, d_in=3, d=32):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(d_in, d),
            nn.BatchNorm1d(d),
            nn.ReLU(),
            nn.Linear(d, d),
        )

    def forward(self, pts):
        return self.mlp(pts).max(dim=1).values
