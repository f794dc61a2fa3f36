import torch
import torch.nn as nn
import torch.nn.functional as F


class EmbeddingNet(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.convnet = nn.Sequential(nn.Conv2d(1, 8, 5), nn.PReLU(), nn.MaxPool2d(2, stride=2))
        self.fc = nn.Linear(8 * 12 * 12, dim)

    def forward(self, x):
        out = self.convnet(x)
        out = out.view(out.size(0), -1)
        out = self.fc(out)
        return F.normalize(out, p=2, dim=1)
