import torch
import torch.nn as nn


class DenseBlock(nn.Module):
    def __init__(self, in_ch=16, growth=12, n=3):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(n):
            self.layers.append(nn.Conv2d(in_ch + i * growth, growth, 3, padding=1))

    def forward(self, x):
        for layer in self.layers:
            y = torch.relu(layer(x))
            x = torch.cat([x, y], 1)
        return x
