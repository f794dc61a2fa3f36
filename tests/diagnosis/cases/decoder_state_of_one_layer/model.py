import torch
import torch.nn as nn


class Seq2Seq(nn.Module):
    def __init__(self, n_in=6, hidden=32, horizon=5, enc_layers=1, dec_layers=2):
        super().__init__()
        self.horizon = horizon
        self.encoder = nn.GRU(n_in, hidden, num_layers=enc_layers, batch_first=True)
        self.decoder = nn.GRU(1, hidden, num_layers=dec_layers, batch_first=True)
        self.proj = nn.Linear(hidden, 1)

    def forward(self, src):
        _, state = self.encoder(src)
        step = src[:, -1:, :1]
        preds = []
        for _ in range(self.horizon):
            out, state = self.decoder(step, state)
            step = self.proj(out)
            preds.append(step)
        return torch.cat(preds, dim=1)
