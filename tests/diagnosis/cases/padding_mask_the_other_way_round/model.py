import torch
import torch.nn as nn


class TextEncoder(nn.Module):
    def __init__(self, vocab=1000, d_model=64, nhead=4, classes=3):
        super().__init__()
        self.embed = nn.Embedding(vocab, d_model, padding_idx=0)
        layer = nn.TransformerEncoderLayer(d_model, nhead, 128)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(d_model, classes)

    def forward(self, tokens):
        # tokens: (seq_len, batch)
        pad_mask = tokens == 0
        x = self.embed(tokens)
        x = self.encoder(x, src_key_padding_mask=pad_mask)
        return self.out(x.mean(0))
