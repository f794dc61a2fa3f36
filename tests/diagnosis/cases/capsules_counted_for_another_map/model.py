import torch
import torch.nn as nn
import torch.nn.functional as F


class Caps(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 5)
        self.prim = nn.Conv2d(16, 8 * 4, 5, stride=2)
        self.w = nn.Parameter(torch.randn(8 * 5 * 5, 10, 8, 4) * 0.01)

    def forward(self, x):
        u = self.prim(F.relu(self.conv(x)))
        u = u.view(x.shape[0], 8, 4, -1).permute(0, 1, 3, 2).reshape(x.shape[0], -1, 4)
        u = torch.einsum('bic,ijdc->bijd', u, self.w)
        return u.sum(1).norm(dim=-1)
