import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 50)
        self.bn = nn.BatchNorm1d(50)
        self.fc2 = nn.Linear(50, 3)

    def forward(self, x):
        return self.fc2(F.relu(self.bn(self.fc1(x))))
