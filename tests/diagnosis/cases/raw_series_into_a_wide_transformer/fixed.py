import torch
import torch.nn as nn


class TransAm(nn.Module):
    """7 sensors, 24 hours -> next value"""

    def __init__(self, feature_size=250, num_layers=1, dropout=0.1):
        super(TransAm, self).__init__()
        self.encoder_layer = nn.TransformerEncoderLayer(d_model=feature_size, nhead=10, dropout=dropout, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(self.encoder_layer, num_layers=num_layers)
        self.input = nn.Linear(7, feature_size)
        self.decoder = nn.Linear(feature_size, 1)

    def forward(self, src):
        output = self.transformer_encoder(self.input(src))
        return self.decoder(output[:, -1])
