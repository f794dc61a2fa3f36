import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = 2
        self.lstm = nn.LSTM(10, 20, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(40, 3)

    def forward(self, x):
        h = torch.zeros(self.layers * 2, x.size(0), 20)
        c = torch.zeros(self.layers * 2, x.size(0), 20)
        out, _ = self.lstm(x, (h, c))
        return self.fc(out[:, -1])
