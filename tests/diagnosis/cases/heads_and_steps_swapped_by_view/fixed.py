import torch
import torch.nn as nn


class Attention(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def split(self, x):
        batch, steps, width = x.shape
        return x.view(batch, steps, self.heads, width // self.heads)

    def forward(self, x):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        batch, steps, heads, width = q.shape
        q = q.transpose(1, 2)
        k = k.transpose(1, 2)
        v = v.transpose(1, 2)
        scores = torch.softmax(q @ k.transpose(-2, -1) / width**0.5, dim=-1)
        return (scores @ v).transpose(1, 2).reshape(batch, steps, -1)
