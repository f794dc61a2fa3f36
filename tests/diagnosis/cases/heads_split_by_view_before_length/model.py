import math
import torch
import torch.nn as nn


class FullAttention(nn.Module):
    def __init__(self, d_model=32, n_heads=4):
        super(FullAttention, self).__init__()
        self.n_heads = n_heads
        self.query_projection = nn.Linear(d_model, d_model)
        self.key_projection = nn.Linear(d_model, d_model)
        self.value_projection = nn.Linear(d_model, d_model)
        self.out_projection = nn.Linear(d_model, d_model)

    def forward(self, x):
        B, L, D = x.shape
        H = self.n_heads
        queries = self.query_projection(x).view(B, H, L, -1)
        keys = self.key_projection(x).view(B, H, L, -1)
        values = self.value_projection(x).view(B, H, L, -1)
        scores = torch.matmul(queries, keys.transpose(-2, -1)) / math.sqrt(D // H)
        A = torch.softmax(scores, dim=-1)
        V = torch.matmul(A, values)
        V = V.transpose(1, 2).reshape(B, L, -1)
        return self.out_projection(V)
