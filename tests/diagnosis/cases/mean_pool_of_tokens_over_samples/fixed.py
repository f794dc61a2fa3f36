import torch
import torch.nn as nn


class SentimentTransformer(nn.Module):
    def __init__(self, vocab=150, d=32):
        super().__init__()
        self.embed = nn.Embedding(vocab, d)
        self.layer = nn.TransformerEncoderLayer(d, 4, 64, batch_first=True)
        self.fc = nn.Linear(d, 2)

    def forward(self, ids):
        x = self.embed(ids)
        x = self.layer(x)
        x = x.mean(dim=1)
        return self.fc(x)
