import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(5, 32)
        self.fc = nn.Linear(32, 1)

    def forward(self, x):
        h = torch.zeros(x.size(0), 32)
        c = torch.zeros(x.size(0), 32)
        for t in range(x.size(0)):
            h, c = self.cell(x[t], (h, c))
        return self.fc(h)
