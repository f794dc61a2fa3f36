import torch
import torch.nn as nn
import torch.nn.functional as F


class DBCNN(nn.Module):
    """two branches, joined by bilinear pooling"""

    def __init__(self):
        nn.Module.__init__(self)
        self.features1 = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2))
        self.features2 = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU())
        self.fc = nn.Linear(64 * 32, 1)

    def forward(self, X):
        X1 = self.features1(X)
        N, C, H, W = X1.size()
        X2 = F.interpolate(self.features2(X), size=(H, W))
        X1 = X1.view(N, 64, H * W)
        X2 = X2.view(N, 32, H * W)
        X = torch.bmm(X1, torch.transpose(X2, 1, 2)) / (H * W)
        X = X.view(N, 64 * 32)
        X = F.normalize(torch.sqrt(X + 1e-8))
        return self.fc(X)
