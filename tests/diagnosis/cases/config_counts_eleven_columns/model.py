import torch
from torch import nn

params = dict(n_inputs=11, hidden=[64, 32], n_outputs=2, dropout=0.2)


def make_layers(sizes, dropout):
    out = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        out.extend([nn.Linear(a, b), nn.ReLU(), nn.Dropout(dropout)])
    return out


class HeartNet(nn.Module):
    def __init__(self, cfg=params):
        super().__init__()
        sizes = [cfg["n_inputs"], *cfg["hidden"]]
        self.body = nn.Sequential(*make_layers(sizes, cfg["dropout"]))
        self.head = nn.Linear(sizes[-1], cfg["n_outputs"])

    def forward(self, x):
        return self.head(self.body(x))
