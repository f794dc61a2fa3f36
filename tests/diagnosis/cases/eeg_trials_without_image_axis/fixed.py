import torch
import torch.nn as nn
import torch.nn.functional as F


class EEGNet(nn.Module):
    def __init__(self, chans=22, samples=256, n_classes=4, F1=8, D=2):
        super(EEGNet, self).__init__()
        self.conv1 = nn.Conv2d(1, F1, (1, 64), padding=(0, 32), bias=False)
        self.bn1 = nn.BatchNorm2d(F1)
        self.depthwise = nn.Conv2d(F1, F1 * D, (chans, 1), groups=F1, bias=False)
        self.bn2 = nn.BatchNorm2d(F1 * D)
        self.pool = nn.AvgPool2d((1, 4))
        self.fc = nn.Linear(F1 * D * (samples // 4), n_classes)

    def forward(self, x):
        x = self.bn1(self.conv1(x.unsqueeze(1)))
        x = F.elu(self.bn2(self.depthwise(x)))
        x = self.pool(x)
        x = x.reshape(x.shape[0], -1)
        return self.fc(x)
