import torch
import torch.nn.functional as F
from torch import nn


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 16, 8, stride=4)
        self.conv2 = nn.Conv2d(16, 32, 4, stride=2)
        self.fc = nn.Linear(288, 6)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = F.relu(self.conv2(x))
        x = x.view(-1, 288)
        return self.fc(x)
