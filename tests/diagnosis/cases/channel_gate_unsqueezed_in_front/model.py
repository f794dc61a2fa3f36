import torch
import torch.nn.functional as F
from torch import nn


class Gate(nn.Module):
    def __init__(self, c=16):
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x):
        w = torch.sigmoid(self.fc(x.mean(dim=(2, 3))))
        return x * w.unsqueeze(1)
