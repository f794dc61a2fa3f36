import torch.nn as nn
import torch.nn.functional as F


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Bilinear(8, 6, 10)
        self.fc = nn.Linear(10, 1)

    def forward(self, x, y):
        return self.fc(F.relu(self.b(x, y)))
