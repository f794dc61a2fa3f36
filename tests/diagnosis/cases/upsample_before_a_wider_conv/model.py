import torch
import torch.nn as nn


class Decoder(nn.Module):
    def __init__(self, z=10):
        super().__init__()
        self.fc = nn.Linear(z, 128 * 7 * 7)
        self.net = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(64, 1, 3, padding=1), nn.Sigmoid(),
        )

    def forward(self, z):
        x = self.fc(z).view(-1, 128, 7, 7)
        return self.net(x)
