import torch
import torch.nn as nn
import torch.nn.functional as F


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.fc_hidden = nn.Linear(hidden_size, hidden_size, bias=False)
        self.fc_encoder = nn.Linear(hidden_size, hidden_size, bias=False)
        self.weight = nn.Linear(hidden_size, 1)

    def forward(self, hidden, encoder_outputs):
        # hidden: (batch, hidden), encoder_outputs: (batch, seq, hidden)
        x = torch.tanh(self.fc_hidden(hidden).unsqueeze(1) + self.fc_encoder(encoder_outputs))
        alignment_scores = self.weight(x)
        attn_weights = F.softmax(alignment_scores, dim=1)
        return torch.sum(attn_weights * encoder_outputs, dim=1)


class Classifier(nn.Module):
    def __init__(self, n_in=10, hidden_size=32, classes=4):
        super().__init__()
        self.lstm = nn.LSTM(n_in, hidden_size, batch_first=True)
        self.attn = BahdanauAttention(hidden_size)
        self.out = nn.Linear(hidden_size, classes)

    def forward(self, x):
        outputs, (h, c) = self.lstm(x)
        context = self.attn(h[-1], outputs)
        return self.out(context)
