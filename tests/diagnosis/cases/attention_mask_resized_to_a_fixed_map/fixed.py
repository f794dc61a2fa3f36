import torch
import torch.nn as nn


class AttentionModule(nn.Module):
    def __init__(self, channels=16, size1=(32, 32), size2=(16, 16)):
        super(AttentionModule, self).__init__()
        self.mpool1 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.softmax1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.mpool2 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.softmax2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.interpolation2 = nn.UpsamplingBilinear2d(size=size2)
        self.interpolation1 = nn.UpsamplingBilinear2d(size=size1)
        self.trunk = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        out_trunk = self.trunk(x)
        out_softmax1 = self.softmax1(self.mpool1(x))
        out_softmax2 = self.softmax2(self.mpool2(out_softmax1))
        out = self.interpolation2(out_softmax2) + out_softmax1
        out = self.interpolation1(out)
        return (1 + torch.sigmoid(out)) * out_trunk
