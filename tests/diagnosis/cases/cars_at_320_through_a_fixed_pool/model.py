import torch.nn as nn
from torchvision import models


class StanfordCars(nn.Module):
    def __init__(self, num_classes=196, pretrained=False):
        super(StanfordCars, self).__init__()
        self.model = models.resnet50(weights="DEFAULT" if pretrained else None)
        self.model.avgpool = nn.AvgPool2d(7, stride=1)
        num_ftrs = self.model.fc.in_features
        self.model.fc = nn.Sequential(
            nn.Linear(num_ftrs, num_classes),
        )

    def forward(self, x):
        return self.model(x)
