import torch
import torch.nn as nn


class SentenceEncoder(nn.Module):
    def __init__(self, vocab=200, embedding_size=24, hidden_size=16, latent_size=8):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(vocab, embedding_size)
        self.encoder_rnn = nn.GRU(embedding_size, hidden_size, bidirectional=True, batch_first=True)
        self.hidden2mean = nn.Linear(hidden_size * 2, latent_size)

    def forward(self, input_sequence):
        batch_size = input_sequence.size(0)
        input_embedding = self.embedding(input_sequence)
        _, hidden = self.encoder_rnn(input_embedding)
        # flatten hidden state
        hidden = hidden.view(batch_size, self.hidden_size * 2)
        return self.hidden2mean(hidden)
