import torch
import torch.nn as nn
import torch.nn.functional as F


class FCN16(nn.Module):
    def __init__(self, n_class=21):
        super().__init__()
        def stage(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2))
        self.pool1, self.pool2, self.pool3 = stage(3, 16), stage(16, 32), stage(32, 64)
        self.pool4, self.pool5 = stage(64, 128), stage(128, 128)
        self.score4 = nn.Conv2d(128, n_class, 1)
        self.score5 = nn.Conv2d(128, n_class, 1)
        self.upscore2 = nn.ConvTranspose2d(n_class, n_class, kernel_size=2, stride=2)

    def forward(self, x):
        p4 = self.pool4(self.pool3(self.pool2(self.pool1(x))))
        p5 = self.pool5(p4)
        up = self.upscore2(self.score5(p5))
        score = self.score4(p4) + up
        return F.interpolate(score, size=x.shape[2:], mode="bilinear", align_corners=False)
