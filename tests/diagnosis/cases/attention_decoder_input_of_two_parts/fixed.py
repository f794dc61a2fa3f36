import torch
import torch.nn as nn
import torch.nn.functional as F


class AttnDecoder(nn.Module):
    def __init__(self, vocab=100, hid=64):
        super().__init__()
        self.emb = nn.Embedding(vocab, hid)
        self.attn = nn.Linear(2 * hid, hid)
        self.v = nn.Linear(hid, 1, bias=False)
        self.gru = nn.GRU(2 * hid, hid, batch_first=True)
        self.out = nn.Linear(hid, vocab)

    def forward(self, tok, hidden, enc):
        e = self.emb(tok)                                     # B x 1 x H
        h = hidden[-1].unsqueeze(1).repeat(1, enc.size(1), 1)  # B x T x H
        energy = torch.tanh(self.attn(torch.cat((h, enc), dim=2)))
        a = F.softmax(self.v(energy).squeeze(2), dim=1)
        ctx = torch.bmm(a.unsqueeze(1), enc)
        out, hidden = self.gru(torch.cat((e, ctx), dim=2), hidden)
        return self.out(out.squeeze(1))
