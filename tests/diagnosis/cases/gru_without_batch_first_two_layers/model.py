import torch.nn as nn


class Traffic(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru1 = nn.GRU(6, 16)
        self.gru2 = nn.GRU(16, 16)
        self.fc = nn.Linear(16, 1)

    def forward(self, x):
        x, _ = self.gru1(x)
        x, _ = self.gru2(x)
        return self.fc(x[:, -1])
