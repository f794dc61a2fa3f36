import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 12)
        self.fc = nn.Linear(12, 2)

    def forward(self, x):
        batch, steps, features = x.size()
        x = x.view(steps, batch, features)
        out, _ = self.gru(x)
        return self.fc(out[-1])
