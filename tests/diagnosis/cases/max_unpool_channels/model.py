import torch.nn as nn
import torch.nn.functional as F


class SegNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc1 = nn.Conv2d(3, 16, 3, padding=1)
        self.enc2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.dec2 = nn.Conv2d(32, 32, 3, padding=1)
        self.dec1 = nn.Conv2d(32, 5, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.enc1(x))
        x, i1 = self.pool(x)
        x = F.relu(self.enc2(x))
        x, i2 = self.pool(x)
        x = self.unpool(x, i2)
        x = F.relu(self.dec2(x))
        x = self.unpool(x, i1)
        return self.dec1(x)
