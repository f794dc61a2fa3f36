import torch
import torch.nn.functional as F
from torch import nn


class GCN(nn.Module):
    def __init__(self, f=33, h=16, c=7):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(f, h))
        self.w2 = nn.Parameter(torch.randn(h, c))

    def forward(self, x, adj):
        x = F.relu(adj @ (x @ self.w1))
        return adj @ (x @ self.w2)
