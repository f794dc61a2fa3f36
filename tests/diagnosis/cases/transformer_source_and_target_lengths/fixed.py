import torch
import torch.nn as nn


class Translator(nn.Module):
    def __init__(self, src_vocab=120, tgt_vocab=90, d_model=32):
        super(Translator, self).__init__()
        self.src_embed = nn.Embedding(src_vocab, d_model)
        self.tgt_embed = nn.Embedding(tgt_vocab, d_model)
        self.transformer = nn.Transformer(d_model=d_model, nhead=4, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=64, batch_first=True)
        self.out = nn.Linear(d_model, tgt_vocab)

    def forward(self, src, tgt):
        src = self.src_embed(src)
        tgt = self.tgt_embed(tgt)
        hs = self.transformer(src, tgt)
        return self.out(hs)
