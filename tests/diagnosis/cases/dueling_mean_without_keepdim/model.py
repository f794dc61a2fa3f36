import torch
import torch.nn as nn
import torch.nn.functional as F


class DuelingCnnDQN(nn.Module):
    def __init__(self, in_channels=4, num_actions=6):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 32, 8, 4)
        self.conv2 = nn.Conv2d(32, 64, 4, 2)
        self.conv3 = nn.Conv2d(64, 64, 3, 1)
        self.adv = nn.Linear(7 * 7 * 64, num_actions)
        self.val = nn.Linear(7 * 7 * 64, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x))
        x = x.view(x.size(0), -1)
        adv = self.adv(x)
        val = self.val(x)
        return val + adv - adv.mean(1)
