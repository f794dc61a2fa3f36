import torch
import torch.nn as nn
import torch.nn.functional as F


class DownSample(nn.Module):
    def __init__(self, layer_type):
        super().__init__()
        self.layer_type = layer_type

    def forward(self, x):
        if self.layer_type == 'none':
            return x
        elif self.layer_type == 'half':
            return F.avg_pool2d(x, 2)
        raise RuntimeError('Got unexpected downsampletype %s' % self.layer_type)


class ResBlk(nn.Module):
    def __init__(self, dim_in=16, dim_out=32, downsample='half'):
        super().__init__()
        self.actv = nn.LeakyReLU(0.2)
        self.downsample = DownSample(downsample)
        self.conv1 = nn.Conv2d(dim_in, dim_in, 3, 1, 1)
        self.pool = nn.Conv2d(dim_in, dim_in, 3, 2, 1)
        self.conv2 = nn.Conv2d(dim_in, dim_out, 3, 1, 1)
        self.conv1x1 = nn.Conv2d(dim_in, dim_out, 1, 1, 0, bias=False)

    def _shortcut(self, x):
        return self.downsample(self.conv1x1(x))

    def _residual(self, x):
        x = self.pool(self.conv1(self.actv(x)))
        return self.conv2(self.actv(x))

    def forward(self, x):
        return (self._shortcut(x) + self._residual(x)) / 2 ** 0.5
