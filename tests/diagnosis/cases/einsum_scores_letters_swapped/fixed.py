import torch
import torch.nn as nn


class EinsumAttention(nn.Module):
    def __init__(self, dim=24, heads=3):
        super().__init__()
        self.h = heads
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.h, d // self.h).unbind(2)
        dots = torch.einsum('bihd,bjhd->bhij', q, k) * (d // self.h) ** -0.5
        attn = dots.softmax(dim=-1)
        out = torch.einsum('bhij,bjhd->bihd', attn, v)
        return self.out(out.reshape(b, n, d))
