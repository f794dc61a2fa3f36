import torch
import torch.nn as nn


class FrameNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Flatten())
        self.rnn = nn.GRU(8 * 8 * 8, 32, batch_first=True)
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        frames = [self.cnn(x[:, t]) for t in range(x.size(1))]
        seq = torch.stack(frames, dim=1)
        _, h = self.rnn(seq)
        return self.fc(h[-1])
