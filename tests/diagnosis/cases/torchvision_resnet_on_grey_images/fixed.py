import torch.nn as nn
import torchvision.models as models


class MNISTResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.net = models.resnet18(weights=None)
        self.net.fc = nn.Linear(self.net.fc.in_features, num_classes)

    def forward(self, x):
        return self.net(x.repeat(1, 3, 1, 1))
