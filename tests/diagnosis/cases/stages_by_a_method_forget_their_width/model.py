import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.c = nn.Sequential(nn.Conv2d(i, o, 3, s, 1), nn.BatchNorm2d(o), nn.ReLU())

    def forward(self, x):
        return self.c(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inplanes = 16
        self.stem = nn.Conv2d(3, 16, 3, 1, 1)
        self.layer1 = self._make(16, 2, 1)
        self.layer2 = self._make(32, 2, 2)
        self.layer3 = self._make(64, 2, 2)
        self.fc = nn.Linear(64, 10)

    def _make(self, planes, n, stride):
        layers = [Block(self.inplanes, planes, stride)]
        for _ in range(n - 1):
            layers.append(Block(planes, planes, 1))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.stem(x))))
        return self.fc(x.mean((2, 3)))
