import torch
import torch.nn as nn

device = 'cpu'
sequence_length = 28
input_size = 28


class RNN(nn.Module):
    def __init__(self, input_size=input_size, hidden_size=64, num_layers=2, num_classes=10):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(device)
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(device)
        out, _ = self.lstm(x.squeeze(1), (h0, c0))
        out = self.fc(out[:, -1, :])
        return out
