import torch
import torch.nn as nn


class DenseBlock(nn.Module):
    def __init__(self, in_channels, growth_rate, num_layers):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(num_layers):
            self.layers.append(nn.Sequential(
                nn.BatchNorm2d(in_channels + i * growth_rate),
                nn.ReLU(inplace=True),
                nn.Conv2d(in_channels + i * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False),
            ))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseNet(nn.Module):
    def __init__(self, growth_rate=12, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3, padding=1, bias=False)
        self.block1 = DenseBlock(24, growth_rate, 4)
        self.trans1 = nn.Sequential(nn.Conv2d(24 + 3 * growth_rate, 36, 1), nn.AvgPool2d(2))
        self.block2 = DenseBlock(36, growth_rate, 4)
        self.fc = nn.Linear(36 + 4 * growth_rate, num_classes)

    def forward(self, x):
        x = self.trans1(self.block1(self.stem(x)))
        x = self.block2(x)
        x = x.mean([2, 3])
        return self.fc(x)
