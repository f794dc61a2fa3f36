import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.classify = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.classify(x.mean((2, 3)))
