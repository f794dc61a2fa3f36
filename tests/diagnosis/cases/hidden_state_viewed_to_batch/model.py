import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.lstm = nn.LSTM(10, hidden, num_layers=2, batch_first=True)
        self.fc = nn.Linear(2 * hidden, 4)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        h = h.view(x.size(0), -1)
        return self.fc(h)
