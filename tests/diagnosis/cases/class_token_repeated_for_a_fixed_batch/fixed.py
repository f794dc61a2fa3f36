import torch
import torch.nn as nn

BATCH_SIZE = 16


class ViT(nn.Module):
    def __init__(self, dim=32, patches=16, classes=10):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 8, 8)
        self.cls = nn.Parameter(torch.randn(1, 1, dim))
        self.pos = nn.Parameter(torch.randn(1, patches + 1, dim))
        self.block = nn.TransformerEncoderLayer(dim, 4, 64, batch_first=True)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        cls = self.cls.repeat(x.shape[0], 1, 1)
        x = torch.cat([cls, x], dim=1)
        x = self.block(x + self.pos)
        return self.head(x[:, 0])
