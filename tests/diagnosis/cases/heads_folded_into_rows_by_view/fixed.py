import torch
import torch.nn as nn


class Fields(nn.Module):
    def __init__(self, width=8, heads=2):
        super().__init__()
        self.heads, self.width = heads, width
        self.query = nn.Linear(width, heads * width)
        self.value = nn.Linear(width, heads * width)

    def forward(self, fields):
        rows = fields.size(0)
        query = self.query(fields).unflatten(2, (-1, self.width)).transpose(1, 2).flatten(0, 1)
        value = self.value(fields).unflatten(2, (-1, self.width)).transpose(1, 2).flatten(0, 1)
        scores = torch.softmax(torch.bmm(query, value.transpose(1, 2)), dim=-1)
        seen = torch.bmm(scores, value)
        return seen.unflatten(0, (rows, -1)).transpose(1, 2).flatten(2)
