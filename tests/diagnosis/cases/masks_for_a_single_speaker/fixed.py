import torch
import torch.nn as nn
import torch.nn.functional as F


class TasNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Conv1d(1, 16, 8, stride=4)
        self.sep = nn.Conv1d(16, 2 * 16, 1)
        self.dec = nn.ConvTranspose1d(16, 1, 8, stride=4)

    def forward(self, x):
        w = F.relu(self.enc(x.unsqueeze(1)))
        m = torch.sigmoid(self.sep(w)).view(x.size(0), 2, 16, -1)
        y = w.unsqueeze(1) * m
        return self.dec(y.flatten(0, 1)).view(x.size(0), 2, -1)
