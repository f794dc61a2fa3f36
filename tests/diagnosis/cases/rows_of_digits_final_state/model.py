import torch
import torch.nn as nn

# row by row mnist
class LSTMClassifier(nn.Module):
    def __init__(self, input_dim=28, hidden_dim=100, layer_dim=1, output_dim=10):
        super(LSTMClassifier, self).__init__()
        self.hidden_dim = hidden_dim
        self.layer_dim = layer_dim
        self.lstm = nn.LSTM(input_dim, hidden_dim, layer_dim)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        out, (hn, cn) = self.lstm(x)
        return self.fc(hn[-1])
