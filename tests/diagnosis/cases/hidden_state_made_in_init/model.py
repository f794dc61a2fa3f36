import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, batch_size=16, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.batch_size = batch_size
        self.rnn = nn.GRU(8, hidden, num_layers=2, batch_first=True)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, x):
        h0 = torch.zeros(2, self.batch_size, self.hidden)
        out, _ = self.rnn(x, h0)
        return self.fc(out[:, -1])
