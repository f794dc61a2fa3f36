import torch
import torch.nn as nn


class CNNText(nn.Module):
    def __init__(self, vocab=400, emb=100, filters=(3, 4, 5), n=32, classes=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb)
        self.convs = nn.ModuleList([nn.Conv1d(in_channels=emb, out_channels=n, kernel_size=k) for k in filters])
        self.fc = nn.Linear(len(filters) * n, classes)

    def forward(self, text):
        embedded = self.embedding(text).permute(0, 2, 1)
        conved = [torch.relu(conv(embedded)) for conv in self.convs]
        pooled = [nn.functional.max_pool1d(c, c.shape[2]).squeeze(2) for c in conved]
        return self.fc(torch.cat(pooled, dim=1))
