import torch
import torch.nn as nn


class W(nn.Module):
    def __init__(self, dim=8, ws=4):
        super().__init__()
        self.ws = ws
        self.fc = nn.Linear(dim, dim)

    def forward(self, x):
        b, h, w, c = x.shape
        s = self.ws
        x = x.view(b, h // s, s, w // s, s, c)
        win = x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, s * s, c)
        win = self.fc(win)
        x = win.view(b, h // s, w // s, s, s, c).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(b, h, w, c)
