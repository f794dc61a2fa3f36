import torch.nn as nn


class Decoder(nn.Module):
    def __init__(self, words=30, width=8, hidden=10):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.rnn = nn.GRU(width, hidden, num_layers=2, batch_first=False)
        self.out = nn.Linear(hidden, words)

    def forward(self, word, state):
        embedded = self.embedding(word.unsqueeze(0))
        output, state = self.rnn(embedded, state)
        return self.out(output.squeeze(0)), state
