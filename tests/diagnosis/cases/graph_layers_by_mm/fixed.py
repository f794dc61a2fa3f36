import torch
import torch.nn as nn
import torch.nn.functional as F


class GCN(nn.Module):
    def __init__(self, nfeat=16, nhid=32, nclass=3):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(nfeat, nhid))
        self.w2 = nn.Parameter(torch.randn(nhid, nclass))

    def forward(self, x, adj):
        x = F.relu(torch.matmul(adj, torch.matmul(x, self.w1)))
        return torch.matmul(adj, torch.matmul(x, self.w2))
