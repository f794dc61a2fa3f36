import torch
import torch.nn as nn


class ResidualBlock(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.filter = nn.Conv1d(channels, channels, kernel_size=3, dilation=dilation)
        self.gate = nn.Conv1d(channels, channels, kernel_size=3, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        z = torch.tanh(self.filter(x)) * torch.sigmoid(self.gate(x))
        return self.out(z) + x[:, :, -z.size(2):]


class WaveNet(nn.Module):
    def __init__(self, channels=32, layers=5):
        super().__init__()
        self.inp = nn.Conv1d(1, channels, 1)
        self.blocks = nn.ModuleList([ResidualBlock(channels, 2 ** i) for i in range(layers)])
        self.head = nn.Conv1d(channels, 256, 1)

    def forward(self, x):
        x = self.inp(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
