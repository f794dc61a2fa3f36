import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(24, 48)
        self.norm = nn.LayerNorm(24)

    def forward(self, x):
        return self.norm(self.fc(x))
