import torch
import torch.nn as nn


class C51(nn.Module):
    def __init__(self, actions=4, atoms=51):
        super().__init__()
        self.actions, self.atoms = actions, atoms
        self.fc1 = nn.Linear(8, 64)
        self.fc2 = nn.Linear(64, actions)

    def forward(self, x):
        x = self.fc2(torch.relu(self.fc1(x)))
        x = x.view(-1, self.actions, self.atoms)
        return torch.softmax(x, dim=2)
