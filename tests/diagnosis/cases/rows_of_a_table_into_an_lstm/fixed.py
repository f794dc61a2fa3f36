import torch
import torch.nn as nn


class Forecast(nn.Module):
    def __init__(self, n_features=12, hidden=64):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, num_layers=2, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        # x: (batch, features)
        out, _ = self.lstm(x.unsqueeze(1))
        return self.fc(out[:, -1])
