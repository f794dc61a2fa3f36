import torch
import torch.nn as nn


class HAR(nn.Module):
    # 9 sensor channels, 128 readings a window
    def __init__(self, n_channels=9, n_classes=6):
        super(HAR, self).__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(n_channels, 64, kernel_size=5),
            nn.ReLU(),
            nn.Conv1d(64, 64, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool1d(2),
        )
        self.lstm = nn.LSTM(64, 128, num_layers=1, batch_first=True)
        self.out = nn.Linear(128, n_classes)

    def forward(self, x):
        x = self.conv(x)
        x, (h_n, c_n) = self.lstm(x)
        return self.out(x[:, -1, :])
