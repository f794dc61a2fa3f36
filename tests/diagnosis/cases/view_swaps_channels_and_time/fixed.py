import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 16)
        self.conv = nn.Conv1d(16, 8, 1)

    def forward(self, x):
        y = self.fc(x)
        y = y.transpose(1, 2)
        return self.conv(y)
