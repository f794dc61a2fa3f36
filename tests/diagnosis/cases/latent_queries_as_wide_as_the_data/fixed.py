import torch
import torch.nn as nn


class Perceiver(nn.Module):
    def __init__(self, dim=12, latent_dim=32, num_latents=8, classes=5):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(num_latents, latent_dim))
        self.to_q = nn.Linear(latent_dim, latent_dim)
        self.to_kv = nn.Linear(dim, latent_dim * 2)
        self.out = nn.Linear(latent_dim, latent_dim * 1)
        self.norm = nn.LayerNorm(latent_dim)
        self.head = nn.Linear(latent_dim, classes)

    def forward(self, x):
        z = self.latents.expand(x.shape[0], -1, -1)
        q = self.to_q(z)
        k, v = self.to_kv(x).chunk(2, dim=-1)
        a = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1)
        z = self.norm(z + self.out(a @ v))
        return self.head(z.mean(1))
