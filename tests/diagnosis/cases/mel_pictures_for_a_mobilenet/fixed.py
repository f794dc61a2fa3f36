import torch
import torch.nn as nn
from torchvision.models import mobilenet_v2


class ESC50Model(nn.Module):
    """log-mel spectrogram -> sound class"""

    def __init__(self, classes=50):
        super().__init__()
        self.backbone = mobilenet_v2(weights=None)
        in_features = self.backbone.classifier[1].in_features
        self.backbone.classifier[1] = nn.Linear(in_features, classes)

    def forward(self, mel):
        return self.backbone(mel.repeat(1, 3, 1, 1))
