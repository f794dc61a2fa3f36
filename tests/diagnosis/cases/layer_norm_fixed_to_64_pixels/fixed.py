import torch
import torch.nn as nn


class Critic(nn.Module):
    def __init__(self, img_size=96, dim=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, dim, 4, 2, 1),
            nn.LayerNorm([dim, img_size // 2, img_size // 2]),
            nn.LeakyReLU(0.2),
            nn.Conv2d(dim, 2 * dim, 4, 2, 1),
            nn.LayerNorm([2 * dim, img_size // 4, img_size // 4]),
            nn.LeakyReLU(0.2),
        )
        self.out = nn.Conv2d(2 * dim, 1, 3)

    def forward(self, x):
        return self.out(self.features(x)).mean((1, 2, 3))
