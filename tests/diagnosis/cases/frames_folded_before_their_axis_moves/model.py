import torch.nn as nn


class Conv2_1d(nn.Module):
    def __init__(self, in_channels=3, out_channels=4):
        super(Conv2_1d, self).__init__()
        self.out_channels = out_channels
        self.conv2d = nn.Conv2d(in_channels, out_channels, (3, 3), padding=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        # 2D convolution
        b, c, t, d1, d2 = x.size()
        x = x.view(b*t, c, d1, d2)
        x = self.relu(self.conv2d(x))
        x = x.view(b, t, self.out_channels, d1, d2)
        return x.permute(0, 2, 1, 3, 4)
