import torch
import torch.nn as nn
from torchvision import models


class VGGClassifier(nn.Module):
    """VGG16 features with our own head, 5 flower classes."""

    def __init__(self, num_classes=5):
        super().__init__()
        backbone = models.vgg16(weights=None)
        self.features = backbone.features
        self.classifier = nn.Sequential(
            nn.Linear(25088, 256),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(256, num_classes),
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)
