import torch
import torch.nn.functional as F
from torch import nn


class VAE(nn.Module):
    def __init__(self, z=20):
        super().__init__()
        self.e1 = nn.Conv2d(1, 32, 4, 2, 1)
        self.e2 = nn.Conv2d(32, 64, 4, 2, 1)
        self.mu = nn.Linear(64 * 7 * 7, z)
        self.d0 = nn.Linear(z, 64 * 7 * 7)
        self.d1 = nn.ConvTranspose2d(64, 32, 4, 2, 1)
        self.d2 = nn.ConvTranspose2d(32, 1, 4, 2, 1)

    def forward(self, x):
        h = F.relu(self.e2(F.relu(self.e1(x))))
        z = self.mu(h.flatten(1))
        y = self.d0(z).view(-1, 64, 7, 7)
        return torch.sigmoid(self.d2(F.relu(self.d1(y))))
