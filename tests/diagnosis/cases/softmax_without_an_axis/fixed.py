import torch
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = torch.bmm(q, k.transpose(1, 2)) / q.size(-1) ** 0.5
        return torch.bmm(self.softmax(scores), v)
