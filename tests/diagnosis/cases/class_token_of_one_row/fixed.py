import torch
import torch.nn as nn


class Tok(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.fc = nn.Linear(d, 2)

    def forward(self, x):
        x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], dim=1)
        return self.fc(x[:, 0])
