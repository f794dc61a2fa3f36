import torch
import torch.nn as nn


def up(cin, cout, k=4, s=2, p=1):
    return nn.Sequential(nn.ConvTranspose2d(cin, cout, k, s, p, bias=False), nn.BatchNorm2d(cout), nn.ReLU(True))


class Generator(nn.Module):
    def __init__(self, nz=100, ngf=16, nc=3):
        super().__init__()
        self.main = nn.Sequential(
            up(nz, ngf * 8, 4, 1, 0),
            up(ngf * 8, ngf * 4),
            up(ngf * 4, ngf * 2),
            up(ngf * 2, ngf),
            nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)
