import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.fc = nn.Linear(16 * 16, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x.permute(0, 3, 1, 2))))
        return self.fc(x.flatten(1))
