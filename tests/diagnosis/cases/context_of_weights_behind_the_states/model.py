import torch
import torch.nn.functional as F
from torch import nn


class LuongAttention(nn.Module):
    def __init__(self, h=24):
        super().__init__()
        self.W = nn.Linear(h, h)

    def forward(self, dec, enc):
        scores = torch.bmm(self.W(dec), enc.transpose(1, 2))
        alpha = F.softmax(scores, dim=-1)
        return torch.bmm(enc, alpha)
