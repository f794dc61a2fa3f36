import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, padding=1)
        self.pool = nn.MaxPool3d((2, 4, 4))
        self.fc = nn.Linear(8 * 4 * 8 * 8, 10)

    def forward(self, clip):
        x = self.pool(torch.relu(self.conv(clip)))
        x = x.flatten(start_dim=1)
        return self.fc(x)
