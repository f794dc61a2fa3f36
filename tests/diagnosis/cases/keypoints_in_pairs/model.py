import torch
import torch.nn as nn
import torch.nn.functional as F


class Keypoints(nn.Module):
    def __init__(self):
        super(Keypoints, self).__init__()
        self.conv1 = nn.Conv2d(1, 32, 5)
        self.pool = nn.MaxPool2d(4, 4)
        self.conv2 = nn.Conv2d(32, 36, 5, stride=3)
        self.fc1 = nn.Linear(36 * 4 * 4, 136)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(x.size(0), -1)
        x = self.fc1(x)
        # final output
        return x
