import torch
import torch.nn as nn


class FrameCNN(nn.Module):
    def __init__(self):
        super(FrameCNN, self).__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        return self.net(x)


class CNNLSTM(nn.Module):
    def __init__(self, num_classes=5):
        super(CNNLSTM, self).__init__()
        self.cnn = FrameCNN()
        self.rnn = nn.LSTM(input_size=32, hidden_size=64, num_layers=1, batch_first=True)
        self.linear = nn.Linear(64, num_classes)

    def forward(self, x):
        batch_size, timesteps, C, H, W = x.size()
        c_out = self.cnn(x)
        r_in = c_out.view(batch_size, timesteps, -1)
        r_out, (h_n, h_c) = self.rnn(r_in)
        return self.linear(r_out[:, -1, :])
