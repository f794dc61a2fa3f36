import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.LSTM(12, 64, batch_first=True),
            nn.Linear(64, 3)
        )

    def forward(self, x):
        return self.net(x)
