import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, d_model=16):
        super().__init__()
        self.pos = nn.Parameter(torch.zeros(1, 128, d_model))
        self.fc = nn.Linear(d_model, d_model)

    def forward(self, x):
        x = x + self.pos[:, :x.size(1)]
        return self.fc(x)
