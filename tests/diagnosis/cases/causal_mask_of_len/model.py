import torch
import torch.nn as nn


class TransformerModel(nn.Module):
    def __init__(self, ntoken=500, ninp=64, nhead=2, nhid=128, nlayers=2):
        super(TransformerModel, self).__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        layers = nn.TransformerEncoderLayer(ninp, nhead, nhid, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layers, nlayers)
        self.decoder = nn.Linear(ninp, ntoken)

    def _generate_square_subsequent_mask(self, sz):
        return torch.triu(torch.full((sz, sz), float('-inf')), diagonal=1)

    def forward(self, src):
        mask = self._generate_square_subsequent_mask(len(src))
        src = self.encoder(src)
        output = self.transformer_encoder(src, mask)
        return self.decoder(output)
