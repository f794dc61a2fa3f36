import torch
import torch.nn.functional as F
from torch import nn


class Mlp(nn.Module):
    def __init__(self, sizes=(30, 64, 32, 5)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(sizes[i], sizes[i]) for i in range(len(sizes) - 1))

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return x
