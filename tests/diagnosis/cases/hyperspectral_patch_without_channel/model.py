import torch
import torch.nn as nn


class HybridSN(nn.Module):
    def __init__(self, classes=16):
        super().__init__()
        self.conv1 = nn.Conv3d(1, 8, (7, 3, 3))
        self.conv2 = nn.Conv3d(8, 16, (5, 3, 3))
        self.conv3 = nn.Conv2d(16 * 20, 64, 3)
        self.fc = nn.Linear(64 * 5 * 5, classes)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        x = x.flatten(1, 2)
        x = torch.relu(self.conv3(x))
        return self.fc(x.flatten(1))
