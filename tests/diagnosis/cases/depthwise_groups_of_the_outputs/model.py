import torch.nn as nn


class DSConv(nn.Module):
    def __init__(self, nin, nout, stride=1):
        super().__init__()
        self.depthwise = nn.Conv2d(nin, nin, 3, stride, 1, groups=nout)
        self.bn1 = nn.BatchNorm2d(nin)
        self.pointwise = nn.Conv2d(nin, nout, 1)
        self.bn2 = nn.BatchNorm2d(nout)

    def forward(self, x):
        return self.bn2(self.pointwise(self.bn1(self.depthwise(x))))


class SepConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.b1 = DSConv(64, 128)
        self.b2 = DSConv(128, 128, 2)

    def forward(self, x):
        return self.b2(self.b1(x))
