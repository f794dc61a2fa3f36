import torch
import torch.nn as nn


class BasicUNet(nn.Module):
    def conv_block(self, in_ch, out_ch):
        return nn.Sequential(nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.ReLU(inplace=True),
                             nn.Conv2d(out_ch, out_ch, 3, padding=1), nn.ReLU(inplace=True))

    def __init__(self, in_channels=3, out_channels=1):
        super().__init__()
        self.enc1 = self.conv_block(in_channels, 64)
        self.enc2 = self.conv_block(64, 128)
        self.enc3 = self.conv_block(128, 256)
        self.pool = nn.MaxPool2d(2)
        self.up2 = nn.ConvTranspose2d(256, 128, 2, stride=2)
        self.dec2 = self.conv_block(128, 128)
        self.up1 = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.dec1 = self.conv_block(64, 64)
        self.final = nn.Conv2d(64, out_channels, 1)

    def forward(self, x):
        x1 = self.enc1(x)
        x2 = self.enc2(self.pool(x1))
        x3 = self.enc3(self.pool(x2))
        x4 = self.up2(x3)
        x5 = self.dec2(x4 + x2)   # Skip connection with x2
        x6 = self.up1(x5)
        x7 = self.dec1(x6 + x1)
        return self.final(x7)
