import torch
import torch.nn as nn


class Reviews(nn.Module):
    def __init__(self, words=300, width=16, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.rnn = nn.GRU(width, hidden, bidirectional=True)
        self.score = nn.Linear(2 * hidden, 1)

    def forward(self, words):
        _, state = self.rnn(self.embedding(words))
        joined = torch.cat((state[0], state[1]), dim=1)
        score = self.score(joined)
        return score.squeeze(1)
