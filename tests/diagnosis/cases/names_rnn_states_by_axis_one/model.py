import torch
import torch.nn as nn

class NameRNN(nn.Module):
    def __init__(self, input_size=57, hidden_size=128, num_classes=18, num_layers=2):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.rnn = nn.GRU(input_size, hidden_size, num_layers)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        # x: batch_size, seq, input_size
        h0 = torch.zeros(self.num_layers, x.size(1), self.hidden_size).to(x.device)
        out, hn = self.rnn(x, h0)
        out = self.fc(hn[-1])
        return out
