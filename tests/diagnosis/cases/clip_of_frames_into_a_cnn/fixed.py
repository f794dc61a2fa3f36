import torch
import torch.nn as nn


class CNNLSTM(nn.Module):
    def __init__(self, hidden=128, classes=5):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
        )
        self.lstm = nn.LSTM(32 * 4 * 4, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x):
        b, t = x.shape[:2]
        features = self.cnn(x.flatten(0, 1))
        features = features.flatten(1).view(b, t, -1)
        out, _ = self.lstm(features)
        return self.fc(out[:, -1])
