import torch
import torch.nn as nn
import torch.nn.functional as F

class MLP(nn.Module):
    def __init__(self, sizes=(20, 64, 128, 32, 4)):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(len(sizes) - 1):
            if i == 0:
                self.layers.append(nn.Linear(sizes[0], sizes[1]))
            else:
                self.layers.append(nn.Linear(sizes[i + 1], sizes[i]))

    def forward(self, x):
        for l in self.layers[:-1]:
            x = F.relu(l(x))
        return self.layers[-1](x)
