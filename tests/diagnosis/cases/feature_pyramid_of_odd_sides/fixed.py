import torch
import torch.nn as nn
import torch.nn.functional as F


class FPN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 32, 3, 2, 1)
        self.c2 = nn.Conv2d(32, 64, 3, 2, 1)
        self.c3 = nn.Conv2d(64, 128, 3, 2, 1)
        self.l3 = nn.Conv2d(128, 64, 1)
        self.l2 = nn.Conv2d(64, 64, 1)
        self.l1 = nn.Conv2d(32, 64, 1)

    def forward(self, x):
        c1 = F.relu(self.c1(x))
        c2 = F.relu(self.c2(c1))
        c3 = F.relu(self.c3(c2))
        p3 = self.l3(c3)
        p2 = self.l2(c2) + F.interpolate(p3, size=c2.shape[2:])
        p1 = self.l1(c1) + F.interpolate(p2, size=c1.shape[2:])
        return p1, p2, p3
