import torch
import torch.nn as nn


class BiLSTMTagger(nn.Module):
    def __init__(self, vocab_size=80, embedding_dim=16, hidden_dim=20, tags=5):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.word_embeds = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim // 2, num_layers=1, bidirectional=True)
        self.hidden2tag = nn.Linear(hidden_dim, tags)

    def init_hidden(self, n):
        return (torch.randn(2, n, self.hidden_dim),
                torch.randn(2, n, self.hidden_dim))

    def forward(self, sentence):
        # sentence: (length, batch)
        hidden = self.init_hidden(sentence.size(1))
        embeds = self.word_embeds(sentence)
        lstm_out, hidden = self.lstm(embeds, hidden)
        return self.hidden2tag(lstm_out)
