import torch
import torch.nn as nn
import torch.nn.functional as F


class FCN8s(nn.Module):
    def __init__(self, n_classes=21):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2))
        self.block2 = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2))
        self.block3 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2))
        self.score = nn.Conv2d(64, n_classes, 1)
        self.up = nn.ConvTranspose2d(n_classes, n_classes, 16, stride=8, padding=4, bias=False)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(x)))
        return self.up(self.score(x))
