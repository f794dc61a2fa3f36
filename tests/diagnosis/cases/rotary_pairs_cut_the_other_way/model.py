import torch
import torch.nn as nn


class Rope(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.q = nn.Linear(dim, dim)

    def forward(self, x):
        x = self.q(x)
        c = torch.view_as_complex(x.reshape(*x.shape[:-1], 2, -1))
        t = torch.arange(x.shape[1]).float()[:, None] * torch.ones(c.shape[-1])
        return torch.view_as_real(c * torch.polar(torch.ones_like(t), t)).flatten(-2)
