import torch
import torch.nn as nn
import torch.nn.functional as F


class ECGNet(nn.Module):
    def __init__(self, leads=12, classes=5):
        super(ECGNet, self).__init__()
        self.conv1 = nn.Conv1d(leads, 32, 7)
        self.conv2 = nn.Conv1d(32, 64, 7)
        self.pool = nn.MaxPool1d(4)
        self.fc1 = nn.Linear(64 * 58, 100)
        self.fc2 = nn.Linear(100, classes)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 64 * 58)
        x = F.relu(self.fc1(x))
        return self.fc2(x)
