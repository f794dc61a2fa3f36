import torch
import torch.nn as nn


class LogReg(nn.Module):
    def __init__(self, n_inputs=30):
        super(LogReg, self).__init__()
        self.hidden = nn.Linear(n_inputs, 16)
        self.linear = nn.Linear(16, 1)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return torch.sigmoid(self.linear(x)).squeeze()
