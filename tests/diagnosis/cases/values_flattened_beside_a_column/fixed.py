import torch
import torch.nn as nn


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.chance = nn.Linear(7, 1), nn.Linear(7, 1), nn.Linear(7, 1)

    def forward(self, x):
        least = torch.min(self.one(x), self.two(x))
        return 0.2 * self.chance(x) - least
