import torch
import torch.nn as nn


class Attention(nn.Module):
    def __init__(self, q_dim, kv_dim=None, heads=4, dim_head=16):
        super().__init__()
        inner = heads * dim_head
        kv_dim = q_dim if kv_dim is None else kv_dim
        self.heads = heads
        self.to_q = nn.Linear(q_dim, inner, bias=False)
        self.to_kv = nn.Linear(kv_dim, inner * 2, bias=False)
        self.to_out = nn.Linear(inner, q_dim)

    def forward(self, x, context=None):
        context = x if context is None else context
        b, n, _ = x.shape
        q = self.to_q(x)
        k, v = self.to_kv(context).chunk(2, dim=-1)
        q, k, v = (t.view(b, -1, self.heads, t.shape[-1] // self.heads).transpose(1, 2) for t in (q, k, v))
        a = (q @ k.transpose(-1, -2)).softmax(-1)
        return self.to_out((a @ v).transpose(1, 2).reshape(b, n, -1))


class Perceiver(nn.Module):
    def __init__(self, dim=32, latent_dim=64, num_latents=16, classes=10):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(num_latents, latent_dim))
        self.cross = Attention(latent_dim)
        self.self_attn = Attention(latent_dim)
        self.head = nn.Linear(latent_dim, classes)
    def forward(self, data):
        x = self.latents.unsqueeze(0).expand(data.shape[0], -1, -1)
        x = x + self.cross(x, data)
        x = x + self.self_attn(x)
        return self.head(x.mean(1))
