import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(16, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(hidden * 2, 4)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])
