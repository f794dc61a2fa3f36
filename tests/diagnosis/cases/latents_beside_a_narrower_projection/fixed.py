import torch
import torch.nn as nn


class Perceiver(nn.Module):
    def __init__(self, dim=48, latent_dim=64, num_latents=16, classes=10):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(num_latents, latent_dim))
        self.q = nn.Linear(latent_dim, latent_dim)
        self.kv = nn.Linear(dim, 2 * latent_dim)
        self.out = nn.Linear(latent_dim, latent_dim)
        self.head = nn.Linear(latent_dim, classes)
    def forward(self, data):
        x = self.latents.repeat(data.shape[0], 1, 1)
        k, v = self.kv(data).chunk(2, -1)
        x = x + self.out((self.q(x) @ k.transpose(1, 2)).softmax(-1) @ v)
        return self.head(x.mean(1))
