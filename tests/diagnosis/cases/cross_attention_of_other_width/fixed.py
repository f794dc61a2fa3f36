import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.text = nn.Linear(20, 32)

    def forward(self, image, text):
        t = self.text(text)
        y, _ = self.attention(image, t, t)
        return y
