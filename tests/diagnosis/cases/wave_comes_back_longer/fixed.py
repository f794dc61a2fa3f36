import torch
import torch.nn.functional as F
from torch import nn


class WavAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.e1 = nn.Conv1d(1, 16, 9, stride=4, padding=4)
        self.e2 = nn.Conv1d(16, 32, 9, stride=4, padding=4)
        self.d1 = nn.ConvTranspose1d(32, 16, 8, stride=4, padding=2)
        self.d2 = nn.ConvTranspose1d(16, 1, 8, stride=4, padding=2)

    def forward(self, x):
        return self.d2(F.relu(self.d1(F.relu(self.e2(F.relu(self.e1(x)))))))[..., : x.shape[-1]]
