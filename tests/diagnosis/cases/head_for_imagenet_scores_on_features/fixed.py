import torch
import torch.nn as nn
from torchvision import models


class CombinedModel(nn.Module):
    def __init__(self, num_tabular=5, num_classes=3):
        super(CombinedModel, self).__init__()
        self.cnn = models.resnet34(weights=None)
        self.cnn.fc = nn.Identity()
        self.tab = nn.Sequential(nn.Linear(num_tabular, 16), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(512 + 16, 64), nn.ReLU(), nn.Linear(64, num_classes))

    def forward(self, image, data):
        x1 = self.cnn(image)
        x2 = self.tab(data)
        x = torch.cat((x1, x2), dim=1)
        return self.head(x)
