import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(200, 16)
        self.convs = nn.ModuleList([nn.Conv1d(16, 8, k) for k in (3, 4, 5)])
        self.fc = nn.Linear(24, 2)

    def forward(self, x):
        x = self.embedding(x).transpose(1, 2)
        x = [F.relu(conv(x)).max(dim=2).values for conv in self.convs]
        return self.fc(torch.cat(x, dim=1))
