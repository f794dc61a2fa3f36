import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.lstm = nn.LSTM(8 * 16, 32, batch_first=True)
        self.fc = nn.Linear(32, 5)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x, _ = self.lstm(x)
        return self.fc(x[:, -1])
