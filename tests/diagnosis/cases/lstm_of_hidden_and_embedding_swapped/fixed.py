import torch
import torch.nn.functional as F
from torch import nn


class Clf(nn.Module):
    def __init__(self, vocab=300, emb_dim=50, hidden_dim=80):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb_dim)
        self.lstm = nn.LSTM(emb_dim, hidden_dim, batch_first=True)
        self.fc = nn.Linear(hidden_dim, 2)

    def forward(self, x):
        _, (h, _) = self.lstm(self.emb(x))
        return self.fc(h[-1])
