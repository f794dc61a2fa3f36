import torch
import torch.nn as nn


class Forecaster(nn.Module):
    def __init__(self, n_features=8, hidden=50, n_out=1):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, batch_first=True)
        self.bn = nn.BatchNorm1d(hidden)
        self.out = nn.Linear(hidden, n_out)

    def forward(self, x):
        h, _ = self.lstm(x)
        h = self.bn(h)
        return self.out(h[:, -1])
