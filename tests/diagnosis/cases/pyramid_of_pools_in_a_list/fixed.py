import torch
import torch.nn as nn
import torch.nn.functional as F


class PPM(nn.Module):
    def __init__(self, in_dim=64, reduction=16, bins=(1, 2, 3, 6)):
        super().__init__()
        self.features = nn.ModuleList([
            nn.Sequential(nn.AdaptiveAvgPool2d(b), nn.Conv2d(in_dim, reduction, 1), nn.ReLU()) for b in bins])
        self.out = nn.Conv2d(in_dim + 4 * reduction, 21, 1)

    def forward(self, x):
        out = [x]
        for f in self.features:
            out.append(F.interpolate(f(x), x.shape[2:]))
        return self.out(torch.cat(out, 1))
