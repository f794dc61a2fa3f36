import torch
import torch.nn as nn


class ChannelAttention(nn.Module):
    def __init__(self, in_planes=32, ratio=8):
        super().__init__()
        self.fc1 = nn.Linear(in_planes, in_planes // ratio)
        self.fc2 = nn.Linear(in_planes // ratio, in_planes)

    def forward(self, x):
        avg = x.mean(dim=(2, 3))
        w = torch.sigmoid(self.fc2(torch.relu(self.fc1(avg))))
        return x * w
