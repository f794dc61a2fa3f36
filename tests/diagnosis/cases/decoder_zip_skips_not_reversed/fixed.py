import torch
import torch.nn as nn


def double(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.Conv2d(o, o, 3, padding=1), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, widths=(16, 32, 64)):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.downs, self.ups, self.decs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        i = 3
        for w in widths:
            self.downs.append(double(i, w))
            i = w
        self.mid = double(widths[-1], widths[-1] * 2)
        for w in reversed(widths):
            self.ups.append(nn.ConvTranspose2d(w * 2, w, 2, 2))
            self.decs.append(double(w * 2, w))
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = self.pool(x)
        x = self.mid(x)
        for up, dec, skip in zip(self.ups, self.decs, skips[::-1]):
            x = up(x)
            x = dec(torch.cat([skip, x], dim=1))
        return self.head(x)
