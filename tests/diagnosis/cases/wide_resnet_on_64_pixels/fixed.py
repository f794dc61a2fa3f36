import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    def __init__(self, in_planes, out_planes, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.conv1 = nn.Conv2d(in_planes, out_planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_planes)
        self.conv2 = nn.Conv2d(out_planes, out_planes, 3, padding=1, bias=False)
        self.equal = in_planes == out_planes
        self.short = None if self.equal else nn.Conv2d(in_planes, out_planes, 1, stride=stride, bias=False)

    def forward(self, x):
        out = F.relu(self.bn1(x))
        skip = x if self.equal else self.short(out)
        out = self.conv2(F.relu(self.bn2(self.conv1(out))))
        return skip + out


class WideResNet(nn.Module):
    def __init__(self, num_classes=10, widen=2):
        super().__init__()
        n = [16, 16 * widen, 32 * widen, 64 * widen]
        self.conv1 = nn.Conv2d(3, n[0], 3, padding=1, bias=False)
        self.block1 = BasicBlock(n[0], n[1], 1)
        self.block2 = BasicBlock(n[1], n[2], 2)
        self.block3 = BasicBlock(n[2], n[3], 2)
        self.bn = nn.BatchNorm2d(n[3])
        self.fc = nn.Linear(n[3], num_classes)
        self.nChannels = n[3]

    def forward(self, x):
        out = self.conv1(x)
        out = self.block3(self.block2(self.block1(out)))
        out = F.relu(self.bn(out))
        out = F.adaptive_avg_pool2d(out, 1)
        out = out.view(-1, self.nChannels)
        return self.fc(out)
