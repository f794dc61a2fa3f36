import torch
import torch.nn as nn


class Down(nn.Module):
    def __init__(self, cin, cout, norm=True):
        super().__init__()
        layers = [nn.Conv2d(cin, cout, 4, 2, 1, bias=False)]
        if norm:
            layers.append(nn.BatchNorm2d(cout))
        layers.append(nn.LeakyReLU(0.2))
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


class Up(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.model = nn.Sequential(
            nn.ConvTranspose2d(cin, cout, 4, 2, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(True))

    def forward(self, x, skip):
        return torch.cat((self.model(x), skip), 1)


class Generator(nn.Module):
    def __init__(self, nf=8):
        super().__init__()
        self.down1 = Down(3, nf, norm=False)
        self.down2 = Down(nf, nf * 2)
        self.down3 = Down(nf * 2, nf * 4)
        self.down4 = Down(nf * 4, nf * 8)
        self.down5 = Down(nf * 8, nf * 8)
        self.down6 = Down(nf * 8, nf * 8)
        self.down7 = Down(nf * 8, nf * 8)
        self.down8 = Down(nf * 8, nf * 8, norm=False)
        self.up1 = Up(nf * 8, nf * 8)
        self.up2 = Up(nf * 16, nf * 8)
        self.up3 = Up(nf * 16, nf * 8)
        self.up4 = Up(nf * 16, nf * 8)
        self.up5 = Up(nf * 16, nf * 4)
        self.up6 = Up(nf * 8, nf * 2)
        self.up7 = Up(nf * 4, nf)
        self.final = nn.Sequential(nn.ConvTranspose2d(nf * 2, 3, 4, 2, 1), nn.Tanh())

    def forward(self, x):
        x = nn.functional.interpolate(x, size=(256, 256))
        d1 = self.down1(x)
        d2 = self.down2(d1)
        d3 = self.down3(d2)
        d4 = self.down4(d3)
        d5 = self.down5(d4)
        d6 = self.down6(d5)
        d7 = self.down7(d6)
        d8 = self.down8(d7)
        u = self.up1(d8, d7)
        u = self.up2(u, d6)
        u = self.up3(u, d5)
        u = self.up4(u, d4)
        u = self.up5(u, d3)
        u = self.up6(u, d2)
        u = self.up7(u, d1)
        return self.final(u)
