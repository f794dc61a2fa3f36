import torch
import torch.nn as nn


class Tiny3D(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(3, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(),
            nn.MaxPool3d(2),
            nn.Conv3d(8, 16, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
        )
        self.fc = nn.Linear(16, classes)

    def forward(self, clip):
        # clip: (batch, frames, channels, height, width)
        x = self.body(clip.transpose(1, 2))
        return self.fc(x.flatten(1))
