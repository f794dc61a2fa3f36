import torch
import torch.nn as nn

sub = 1              # subsampling rate
h = 2 ** 13 // sub
s = h


class Lift(nn.Module):
    def __init__(self, width=64):
        super(Lift, self).__init__()
        self.fc0 = nn.Linear(2, width)   # (a(x), x)
        self.conv = nn.Conv1d(width, width, 1)
        self.fc1 = nn.Linear(width, 1)

    def forward(self, a):
        grid = torch.linspace(0, 1, s).reshape(1, s, 1)
        x = torch.cat([a.reshape(a.shape[0], s, 1), grid.repeat(a.shape[0], 1, 1)], dim=2)
        x = self.fc0(x).permute(0, 2, 1)
        x = torch.relu(self.conv(x)).permute(0, 2, 1)
        return self.fc1(x).squeeze(-1)
