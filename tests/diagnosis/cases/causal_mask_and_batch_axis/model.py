import torch
import torch.nn as nn


class CausalBlock(nn.Module):
    def __init__(self, d_model=64, n_head=4):
        super().__init__()
        self.attn = nn.MultiheadAttention(d_model, n_head)
        self.ln = nn.LayerNorm(d_model)

    def forward(self, x):
        T = x.shape[1]
        mask = torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)
        y, _ = self.attn(x, x, x, attn_mask=mask)
        return self.ln(x + y)
