import torch
import torch.nn as nn

config = [10, 100, 100, 100]


class NeuralNet(nn.Module):
    def __init__(self, kernel_size=1):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList([
            nn.Sequential(
                nn.Conv1d(self.config[i], self.config[i + 1], kernel_size=kernel_size),
                nn.ReLU())
            for i in range(len(self.config) - 1)])
        self.last_layer = nn.Linear(self.config[-1], 3)
        self.layers.append(nn.Flatten())
        self.layers.append(self.last_layer)

    def forward(self, x):
        x = torch.unsqueeze(x, 2)
        for i, l in enumerate(self.layers):
            x = l(x)
        return x
