import torch
import torch.nn as nn


class SlotModel(nn.Module):
    def __init__(self, channel=128, num_classes=5, hidden_dim=64):
        super(SlotModel, self).__init__()
        self.channel = channel
        self.feature_size = 9
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 32, 7, stride=4, padding=3), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(64, channel, 3, stride=2, padding=1), nn.ReLU())
        self.conv1x1 = nn.Conv2d(channel, hidden_dim, kernel_size=(1, 1))
        self.slots = nn.Parameter(torch.randn(num_classes, hidden_dim))

    def forward(self, x):
        x = self.backbone(x)
        x = self.conv1x1(x.view(x.size(0), self.channel, self.feature_size, self.feature_size))
        x = x.flatten(2)
        return torch.einsum("kd,bdn->bk", self.slots, torch.relu(x))
