import torch
import torch.nn as nn


class ViTStem(nn.Module):
    def __init__(self, image_size=250, patch_size=16, dim=128, channels=3):
        super().__init__()
        self.p = patch_size
        self.to_emb = nn.Linear(channels * patch_size ** 2, dim)
        self.head = nn.Linear(dim, 10)

    def forward(self, img):
        b, c, h, w = img.shape
        p = self.p
        x = img.reshape(b, c, h // p, p, w // p, p)
        x = x.permute(0, 2, 4, 3, 5, 1).reshape(b, (h // p) * (w // p), -1)
        return self.head(self.to_emb(x).mean(1))
