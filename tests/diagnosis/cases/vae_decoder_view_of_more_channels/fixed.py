import torch
import torch.nn as nn


class Reshape(nn.Module):
    def __init__(self, *args):
        super().__init__()
        self.shape = args

    def forward(self, x):
        return x.view(self.shape)


class Decoder(nn.Module):
    def __init__(self, latent=20):
        super().__init__()
        self.decoder = nn.Sequential(
            nn.Linear(latent, 256 * 4 * 4),
            nn.ReLU(),
            Reshape(-1, 256, 4, 4),
            nn.ConvTranspose2d(256, 64, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 3, 4, 2, 1),
        )

    def forward(self, z):
        return self.decoder(z)
