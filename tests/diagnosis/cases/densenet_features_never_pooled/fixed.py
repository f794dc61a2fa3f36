import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision


class ChestXray(nn.Module):
    def __init__(self, out_size=14):
        super(ChestXray, self).__init__()
        self.features = torchvision.models.densenet121(weights=None).features
        self.classifier = nn.Sequential(nn.Linear(1024, out_size), nn.Sigmoid())

    def forward(self, x):
        features = self.features(x)
        out = F.relu(features, inplace=True)
        out = F.adaptive_avg_pool2d(out, (1, 1))
        out = out.view(features.size(0), -1)
        out = self.classifier(out)
        return out
