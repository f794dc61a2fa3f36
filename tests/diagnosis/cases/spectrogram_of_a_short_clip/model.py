import torch
import torch.nn as nn


class AudioCRNN(nn.Module):
    def __init__(self, n_mels=128, classes=10):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=(41, 11), stride=(2, 2), padding=(0, 10)),
            nn.BatchNorm2d(32),
            nn.Hardtanh(0, 20, inplace=True),
            nn.Conv2d(32, 32, kernel_size=(21, 11), stride=(2, 1)),
            nn.BatchNorm2d(32),
            nn.Hardtanh(0, 20, inplace=True),
        )
        self.fc = nn.Linear(32, classes)

    def forward(self, spect):
        x = self.convs(spect)
        x = x.mean(dim=(2, 3))
        return self.fc(x)
