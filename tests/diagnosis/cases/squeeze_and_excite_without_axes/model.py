import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, channels=32):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        self.fc1 = nn.Linear(channels, 8)
        self.fc2 = nn.Linear(8, channels)

    def forward(self, x):
        x = F.relu(self.conv(x))
        w = x.mean((2, 3))
        w = torch.sigmoid(self.fc2(F.relu(self.fc1(w))))
        return x * w
