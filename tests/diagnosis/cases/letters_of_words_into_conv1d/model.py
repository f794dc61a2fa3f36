import torch
import torch.nn.functional as F
from torch import nn


class CharCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.char = nn.Embedding(100, 30)
        self.conv = nn.Conv1d(30, 50, 3, padding=1)
        self.lstm = nn.LSTM(50, 40, batch_first=True)
        self.out = nn.Linear(40, 17)

    def forward(self, chars):
        b, w, c = chars.shape
        e = self.char(chars)
        h = self.conv(e)
        h = h.max(-1)[0].view(b, w, -1)
        out, _ = self.lstm(h)
        return self.out(out)
