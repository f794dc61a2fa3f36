import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden_dim = 32
        self.lstm = nn.LSTM(input_size=10, hidden_size=32, batch_first=True)
        self.linear = nn.Linear(32, 3)

    def forward(self, x):
        h0 = torch.zeros(x.size(0), self.hidden_dim)
        c0 = torch.zeros(x.size(0), self.hidden_dim)
        out, (hn, cn) = self.lstm(x, (h0, c0))
        return self.linear(out[:, -1])
