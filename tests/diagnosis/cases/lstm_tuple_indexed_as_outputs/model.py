import torch.nn as nn
class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 64, batch_first=True)
        self.fc = nn.Linear(64, 3)
    def forward(self, x):
        x = self.lstm(x)
        x = self.fc(x[:, -1, :])
        return x
