import torch
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, vocab_size=60, embed=32, latent=16, nhead=4, num_layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed)
        self.transformer = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d_model=embed, nhead=nhead, dim_feedforward=64, batch_first=True),
            num_layers=num_layers,
        )
        self.to_mu = nn.Linear(embed, latent)
        self.to_logvar = nn.Linear(embed, latent)

    def forward(self, x):
        h = self.transformer(self.embedding(x))
        h = h.mean(dim=1)
        return self.to_mu(h), self.to_logvar(h)
