import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, max_len=64):
        super().__init__()
        self.tokens = nn.Embedding(500, 16)
        self.positions = nn.Embedding(max_len, 16)
        self.fc = nn.Linear(16, 500)

    def forward(self, ids):
        place = torch.arange(ids.size(1), device=ids.device)
        x = self.tokens(ids) + self.positions(place)
        return self.fc(x)
