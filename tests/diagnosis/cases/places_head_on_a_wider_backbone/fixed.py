import torch
import torch.nn as nn


class SceneNet(nn.Module):
    def __init__(self, feat=2048, n_scene=20):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 7, stride=4, padding=3), nn.ReLU(),
            nn.Conv2d(32, feat, 3, stride=4, padding=1), nn.ReLU(),
        )
        self.linear_layer = nn.Linear(feat, n_scene)

    def forward(self, img):
        conv_maps = self.stem(img)
        logits = self.linear_layer(nn.AvgPool2d(kernel_size=14)(conv_maps).view(img.size(0), -1))
        return logits
