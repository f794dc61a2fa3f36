import torch.nn as nn
import torchvision


class FeatureNet(nn.Module):
    def __init__(self, n_classes=4):
        super(FeatureNet, self).__init__()
        resnet = torchvision.models.resnet18(weights=None)
        modules = list(resnet.children())[:-1]  # delete the last fc layer
        self.backbone = nn.Sequential(*modules)
        self.head = nn.Linear(512, n_classes)

    def forward(self, images):
        feats = self.backbone(images)
        return self.head(feats.flatten(1))
