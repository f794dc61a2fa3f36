import torch
import torch.nn as nn
import torch.nn.functional as F


class QNet(nn.Module):
    def __init__(self, state_dim=8, n_actions=4):
        super().__init__()
        self.fc1 = nn.Linear(state_dim, 64)
        self.fc2 = nn.Linear(64, n_actions)

    def forward(self, s, a):
        q = self.fc2(F.relu(self.fc1(s)))
        return q.gather(1, a.unsqueeze(1))
