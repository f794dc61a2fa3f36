import torch
import torch.nn.functional as F
from torch import nn


class Bag(nn.Module):
    def __init__(self, v=100, d=20):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        self.bn = nn.BatchNorm1d(d)
        self.fc = nn.Linear(d, 2)

    def forward(self, x):
        e = self.emb(x)
        e = self.bn(e)
        return self.fc(e.mean(1))
