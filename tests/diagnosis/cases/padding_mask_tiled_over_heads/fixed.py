import torch.nn as nn


class Masked(nn.Module):
    def __init__(self, words=6, width=16, heads=2):
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(words, width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, words):
        x = self.embedding(words)
        mask = words.eq(0).unsqueeze(1).expand(-1, words.size(1), -1)
        mask = mask.repeat_interleave(self.heads, dim=0)
        seen, _ = self.attention(x, x, x, attn_mask=mask.float())
        return x + seen
