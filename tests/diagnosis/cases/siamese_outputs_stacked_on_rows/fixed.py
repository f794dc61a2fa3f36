import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(20, 16), nn.ReLU())
        self.head = nn.Linear(32, 1)

    def forward(self, left, right):
        a = self.encoder(left)
        b = self.encoder(right)
        return self.head(torch.cat([a, b], 1))
