import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, x):
        b, t, c = x.shape
        q = self.query(x).view(b, self.heads, t, c // self.heads)
        k = self.key(x).view(b, t, self.heads, c // self.heads).transpose(1, 2)
        v = self.value(x).view(b, t, self.heads, c // self.heads).transpose(1, 2)
        a = torch.softmax(q @ k.transpose(-2, -1) * self.scale, dim=-1)
        return (a @ v).transpose(1, 2).reshape(b, t, c)
