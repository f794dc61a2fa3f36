import torch
import torch.nn as nn


class LearnedPE(nn.Module):
    def __init__(self, d_model=24, max_len=80):
        super().__init__()
        self.pe = nn.Parameter(torch.randn(1, max_len, d_model) * 0.02)

    def forward(self, x):
        return x + self.pe[:, :x.size(1)]


class Regressor(nn.Module):
    def __init__(self, n_in=5, d_model=24):
        super().__init__()
        self.proj = nn.Linear(n_in, d_model)
        self.pe = LearnedPE(d_model)
        enc = nn.TransformerEncoderLayer(d_model, 4, 48, batch_first=True)
        self.encoder = nn.TransformerEncoder(enc, 1)
        self.out = nn.Linear(d_model, 1)

    def forward(self, x):
        x = self.pe(self.proj(x))
        x = self.encoder(x)
        return self.out(x[:, -1])
