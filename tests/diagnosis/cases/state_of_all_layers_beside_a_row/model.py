import torch
import torch.nn.functional as F
from torch import nn


class Clf(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(12, 40, num_layers=2, batch_first=True)
        self.meta = nn.Linear(5, 16)
        self.out = nn.Linear(56, 3)

    def forward(self, seq, meta):
        _, h = self.rnn(seq)
        m = F.relu(self.meta(meta))
        return self.out(torch.cat([h, m], dim=1))
