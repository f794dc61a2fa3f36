import torch
import torch.nn as nn
import torch.nn.functional as F


class ResBlock(nn.Module):
    def __init__(self, channels, kernel_size=16):
        super().__init__()
        self.conv1 = nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2)
        self.bn1 = nn.BatchNorm1d(channels)
        self.conv2 = nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2)
        self.bn2 = nn.BatchNorm1d(channels)

    def forward(self, x):
        identity = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + identity)


class ECGNet(nn.Module):
    def __init__(self, leads=12, classes=5):
        super().__init__()
        self.stem = nn.Conv1d(leads, 64, 15, stride=2, padding=7)
        self.res = nn.Sequential(ResBlock(64), ResBlock(64))
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = self.res(self.stem(x))
        return self.fc(self.pool(x).squeeze(-1))
