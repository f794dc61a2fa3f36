import torch
import torch.nn as nn


class PrimaryCaps(nn.Module):
    def __init__(self, num_capsules=8, in_channels=256, out_channels=32):
        super(PrimaryCaps, self).__init__()
        self.capsules = nn.ModuleList([
            nn.Conv2d(in_channels, out_channels, kernel_size=9, stride=2, padding=0) for _ in range(num_capsules)])

    def forward(self, x):
        u = [capsule(x) for capsule in self.capsules]
        u = torch.stack(u, dim=1)
        u = u.view(x.size(0), 32 * 6 * 6, -1)
        return self.squash(u)

    def squash(self, t):
        norm = (t ** 2).sum(-1, keepdim=True)
        return norm * t / ((1. + norm) * torch.sqrt(norm))


class CapsNet(nn.Module):
    def __init__(self):
        super(CapsNet, self).__init__()
        self.conv = nn.Conv2d(3, 256, kernel_size=9)
        self.primary = PrimaryCaps()
        self.W = nn.Parameter(torch.randn(1, 32 * 6 * 6, 10, 16, 8))

    def forward(self, x):
        u = self.primary(torch.relu(self.conv(x)))
        u = u[:, :, None, :, None]
        u_hat = torch.matmul(self.W, u).squeeze(4)
        return u_hat.mean(dim=1)
