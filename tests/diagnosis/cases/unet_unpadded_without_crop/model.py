import torch
import torch.nn as nn


def double_conv(in_c, out_c):
    conv = nn.Sequential(
        nn.Conv2d(in_c, out_c, kernel_size=3),
        nn.ReLU(inplace=True),
        nn.Conv2d(out_c, out_c, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
    )
    return conv


class UNet(nn.Module):
    def __init__(self):
        super(UNet, self).__init__()
        self.max_pool_2x2 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.down_conv_1 = double_conv(1, 32)
        self.down_conv_2 = double_conv(32, 64)
        self.down_conv_3 = double_conv(64, 128)
        self.up_trans_1 = nn.ConvTranspose2d(128, 64, kernel_size=2, stride=2)
        self.up_conv_1 = double_conv(128, 64)
        self.up_trans_2 = nn.ConvTranspose2d(64, 32, kernel_size=2, stride=2)
        self.up_conv_2 = double_conv(64, 32)
        self.out = nn.Conv2d(32, 2, kernel_size=1)

    def forward(self, image):
        # encoder
        x1 = self.down_conv_1(image)
        x2 = self.max_pool_2x2(x1)
        x3 = self.down_conv_2(x2)
        x4 = self.max_pool_2x2(x3)
        x5 = self.down_conv_3(x4)
        # decoder
        x = self.up_trans_1(x5)
        x = self.up_conv_1(torch.cat([x, x3], 1))
        x = self.up_trans_2(x)
        x = self.up_conv_2(torch.cat([x, x1], 1))
        return self.out(x)
