import torch
import torch.nn as nn

MAXFEATURES = 1000
EMBEDSIZE = 125
NUMHIDDEN = 100


class SymbolModule(nn.Module):
    def __init__(self):
        super(SymbolModule, self).__init__()
        self.embedding = nn.Embedding(num_embeddings=MAXFEATURES, embedding_dim=EMBEDSIZE)
        self.lstm = nn.LSTM(input_size=EMBEDSIZE, hidden_size=NUMHIDDEN)
        self.l_out = nn.Linear(NUMHIDDEN, 2)

    def forward(self, x):
        embeds = self.embedding(x)
        _batch_size = embeds.size(1)
        h0 = torch.zeros(1, _batch_size, NUMHIDDEN)
        c0 = torch.zeros(1, _batch_size, NUMHIDDEN)
        lstm_out, _ = self.lstm(embeds, (h0, c0))
        x = lstm_out[:, -1, :]
        return self.l_out(x)
