import torch
import torch.nn as nn


class P3D(nn.Module):
    def __init__(self, num_classes=10):
        super(P3D, self).__init__()
        self.conv1 = nn.Conv3d(3, 16, kernel_size=(1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3))
        self.maxpool = nn.MaxPool3d(kernel_size=(2, 3, 3), stride=(2, 2, 2), padding=(0, 1, 1))
        self.layer1 = nn.Conv3d(16, 32, 3, padding=1)
        self.maxpool_2 = nn.MaxPool3d(kernel_size=(2, 1, 1), stride=(2, 1, 1))
        self.layer2 = nn.Conv3d(32, 64, 3, padding=1)
        self.layer3 = nn.Conv3d(64, 64, 3, padding=1)
        self.layer4 = nn.Conv2d(64, 128, 3, stride=2, padding=1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(128, num_classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.conv1(x)))
        x = self.maxpool_2(self.layer1(x))
        x = self.maxpool_2(self.layer2(x))
        x = self.maxpool_2(self.layer3(x))
        sizes = x.size()
        x = x.mean(dim=2)    # Part Resnet2D
        x = self.avgpool(self.layer4(x))
        x = x.view(-1, self.fc.in_features)
        return self.fc(x)
