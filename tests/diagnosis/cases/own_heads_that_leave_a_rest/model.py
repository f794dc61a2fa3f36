import torch
import torch.nn.functional as F
from torch import nn


class SelfAttention(nn.Module):
    def __init__(self, embed=300, heads=8):
        super().__init__()
        self.heads = heads
        self.head_dim = embed // heads
        self.qkv = nn.Linear(embed, embed * 3)
        self.out = nn.Linear(embed, embed)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q = q.view(b, t, self.heads, self.head_dim).transpose(1, 2)
        k = k.view(b, t, self.heads, self.head_dim).transpose(1, 2)
        v = v.view(b, t, self.heads, self.head_dim).transpose(1, 2)
        w = (q @ k.transpose(-2, -1) / self.head_dim ** 0.5).softmax(-1)
        return self.out((w @ v).transpose(1, 2).reshape(b, t, c))
