import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 64, batch_first=True)
        self.net = nn.Linear(64, 3)

    def forward(self, x):
        return self.net(self.lstm(x)[0])
