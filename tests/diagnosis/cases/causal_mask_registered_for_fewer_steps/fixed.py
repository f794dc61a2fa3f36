import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, dim=32, steps=12):
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.register_buffer("mask", torch.triu(torch.ones(steps, steps), 1).bool())
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        out, _ = self.attn(x, x, x, attn_mask=self.mask)
        return self.norm(x + out)
