import torch
import torch.nn as nn


class GestureLSTM(nn.Module):
    def __init__(self, n_features=5, n_hidden=32, n_classes=3):
        super().__init__()
        self.lstm = nn.LSTM(n_features, n_hidden, num_layers=2, batch_first=True)
        self.linear = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        x = x.permute(1, 0, 2)    # seq, batch, features
        out, _ = self.lstm(x)
        return self.linear(out[-1])
