import torch.nn as nn


class TemporalBlock(nn.Module):
    def __init__(self, channels=16):
        super(TemporalBlock, self).__init__()
        self.spatial = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm3d(channels)
        self.conv = nn.Conv3d(channels, channels, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, clip):
        B, T, C, H, W = clip.size()
        x = self.spatial(clip.view(B * T, C, H, W))
        # back to a clip
        x = x.view(B, C, T, H, W)
        x = self.bn1(x)
        x = self.conv(x)
        return self.relu(x)
