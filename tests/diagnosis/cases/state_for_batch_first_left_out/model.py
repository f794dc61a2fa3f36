import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 12, 1)
        self.fc = nn.Linear(12, 1)

    def forward(self, x):
        h0 = torch.zeros(1, x.size(0), 12)
        c0 = torch.zeros(1, x.size(0), 12)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])
