import torch
import torch.nn as nn


class TimeCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 18 * 18, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.out = nn.Linear(32, 2)

    def forward(self, x):
        b, t, c, h, w = x.shape
        y = self.conv(x.view(b * t, c, h, w))
        y = self.fc(y.flatten(1))
        y = y.view(b, t, -1)
        y, _ = self.lstm(y)
        return self.out(y[:, -1])
