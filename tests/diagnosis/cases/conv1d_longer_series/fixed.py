import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, classes=6):
        super().__init__()
        self.conv1 = nn.Conv1d(9, 32, 5)
        self.conv2 = nn.Conv1d(32, 64, 5)
        self.pool = nn.MaxPool1d(2)
        self.fc = nn.Linear(64 * 47, classes)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.view(x.shape[0], -1)
        return self.fc(x)
