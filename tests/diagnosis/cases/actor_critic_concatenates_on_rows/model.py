import torch
import torch.nn as nn


class Critic(nn.Module):
    def __init__(self, obs_dim=11, act_dim=3):
        super().__init__()
        self.q = nn.Sequential(nn.Linear(obs_dim + act_dim, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, obs, act):
        q = self.q(torch.cat([obs, act]))
        return torch.squeeze(q, -1)
