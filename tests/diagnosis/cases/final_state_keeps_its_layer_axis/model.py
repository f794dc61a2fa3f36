import torch
import torch.nn as nn


class SeqClassifier(nn.Module):
    def __init__(self, n_in=12, hidden=20, n_classes=6):
        super().__init__()
        self.rnn = nn.LSTM(input_size=n_in, hidden_size=hidden, batch_first=True)
        self.linear = nn.Linear(hidden, n_classes)

    def forward(self, x):
        output, (h_n, c_n) = self.rnn(x)
        logits = self.linear(h_n)
        return logits
