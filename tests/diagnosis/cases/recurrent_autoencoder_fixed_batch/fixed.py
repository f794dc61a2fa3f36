import torch
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, seq_len, n_features, embedding_dim=64):
        super().__init__()
        self.seq_len, self.n_features = seq_len, n_features
        self.embedding_dim, self.hidden_dim = embedding_dim, 2 * embedding_dim
        self.rnn1 = nn.LSTM(n_features, self.hidden_dim, batch_first=True)
        self.rnn2 = nn.LSTM(self.hidden_dim, embedding_dim, batch_first=True)

    def forward(self, x):
        x = x.reshape((-1, self.seq_len, self.n_features))
        x, (_, _) = self.rnn1(x)
        x, (hidden_n, _) = self.rnn2(x)
        return hidden_n.reshape((-1, self.embedding_dim))


class Decoder(nn.Module):
    def __init__(self, seq_len, input_dim=64, n_features=1):
        super().__init__()
        self.seq_len, self.input_dim = seq_len, input_dim
        self.hidden_dim, self.n_features = 2 * input_dim, n_features
        self.rnn1 = nn.LSTM(input_dim, input_dim, batch_first=True)
        self.rnn2 = nn.LSTM(input_dim, self.hidden_dim, batch_first=True)
        self.output_layer = nn.Linear(self.hidden_dim, n_features)

    def forward(self, x):
        x = x.repeat(1, self.seq_len)
        x = x.reshape((-1, self.seq_len, self.input_dim))
        x, _ = self.rnn1(x)
        x, _ = self.rnn2(x)
        x = x.reshape((-1, self.seq_len, self.hidden_dim))
        return self.output_layer(x)


class RAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(30, 4)
        self.decoder = Decoder(30, 64, 4)

    def forward(self, x):
        return self.decoder(self.encoder(x))
