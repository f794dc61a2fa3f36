import torch
import torch.nn as nn
import torchvision.models as models


class HotDog(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = models.squeezenet1_1(weights=None)
        self.net.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 2))

    def forward(self, x):
        return self.net(x)
