import torch
import torch.nn as nn


class IntentClassifier(nn.Module):
    def __init__(self, vocab_size=800):
        super(IntentClassifier, self).__init__()
        self.emb = nn.Embedding(vocab_size, 64)
        self.lstm = nn.LSTM(64, 64, batch_first=True)
        self.fc = nn.Linear(64, 4)

    def forward(self, tokens):
        x = self.emb(tokens.squeeze(-1))
        _, (h, _) = self.lstm(x)
        return self.fc(h[-1])
