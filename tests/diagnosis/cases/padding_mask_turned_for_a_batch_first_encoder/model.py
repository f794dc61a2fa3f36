from torch import nn


class Encoder(nn.Module):
    def __init__(self, vocabulary=200, dim=32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, dim, padding_idx=0)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.fc = nn.Linear(dim, 2)

    def forward(self, ids):
        padding = ids == 0
        x = self.encoder(self.embedding(ids), src_key_padding_mask=padding.t())
        return self.fc(x[:, 0])
