import torch
import torch.nn as nn
import torch.nn.functional as F


class QMix(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Linear(10, 3 * 8)
        self.b1 = nn.Linear(10, 8)
        self.w2 = nn.Linear(10, 8)

    def forward(self, q, s):
        w1 = self.w1(s).abs().view(-1, 3, 8)
        h = F.elu(torch.bmm(q.unsqueeze(1), w1) + self.b1(s).unsqueeze(1))
        return torch.bmm(h, self.w2(s).abs().unsqueeze(2)).view(-1, 1)
