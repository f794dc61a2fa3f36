import torch
import torch.nn as nn


class CarRacingNet(nn.Module):
    def __init__(self, n_actions=4):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=8, stride=4)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=4, stride=2)
        self.fc = nn.Linear(32 * 6 * 6, n_actions)

    def forward(self, state):
        x = state.permute(0, 3, 1, 2)   # HWC -> CHW
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        return self.fc(x.flatten(start_dim=1))
