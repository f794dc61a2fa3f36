import torch
import torch.nn as nn

config = dict(vocab=1000, emb=64, d_model=512, heads=8, layers=2)


class TextTransformer(nn.Module):
    def __init__(self, cfg=config, n_class=2):
        super().__init__()
        self.emb = nn.Embedding(cfg['vocab'], cfg['emb'])
        layer = nn.TransformerEncoderLayer(d_model=cfg['d_model'], nhead=cfg['heads'], dim_feedforward=128, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=cfg['layers'])
        self.fc = nn.Linear(cfg['d_model'], n_class)

    def forward(self, tokens):
        h = self.encoder(self.emb(tokens))
        return self.fc(h.mean(dim=1))
