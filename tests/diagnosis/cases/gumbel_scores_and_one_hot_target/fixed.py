import torch
import torch.nn as nn


class Segmenter(nn.Module):
    def __init__(self, n_classes=4):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU())
        self.head = nn.Conv2d(8, n_classes, 1)

    def forward(self, x):
        return nn.functional.interpolate(self.head(self.down(x)), size=x.shape[2:])
