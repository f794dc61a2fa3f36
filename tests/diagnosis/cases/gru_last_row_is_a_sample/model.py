import torch
import torch.nn as nn


class GRUModel(nn.Module):
    def __init__(self, input_dim=3, hidden_dim=10, layer_dim=2, output_dim=1):
        super(GRUModel, self).__init__()
        self.layer_dim = layer_dim
        self.hidden_dim = hidden_dim
        self.gru = nn.GRU(input_dim, hidden_dim, layer_dim, batch_first=True, dropout=0.2)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        h0 = torch.zeros(self.layer_dim, x.size(0), self.hidden_dim)
        out, _ = self.gru(x, h0.detach())
        out = self.fc(out[-1])
        return out
