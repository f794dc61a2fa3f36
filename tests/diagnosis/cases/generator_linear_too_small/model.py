import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, nz=100, ngf=32):
        super().__init__()
        self.project = nn.Linear(nz, ngf * 4 * 4)
        self.net = nn.Sequential(
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1), nn.BatchNorm2d(ngf), nn.ReLU(True),
            nn.ConvTranspose2d(ngf, 3, 4, 2, 1), nn.Tanh(),
        )
        self.ngf = ngf

    def forward(self, z):
        x = self.project(z)
        x = x.view(z.size(0), self.ngf * 2, 4, 4)
        return self.net(x)
