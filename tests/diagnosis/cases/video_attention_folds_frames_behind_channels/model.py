import torch
import torch.nn as nn


class AttnBlock3D(nn.Module):
    def __init__(self, in_channels=32):
        super().__init__()
        self.norm = nn.Identity()
        self.q = nn.Conv3d(in_channels, in_channels, 1)
        self.k = nn.Conv3d(in_channels, in_channels, 1)
        self.v = nn.Conv3d(in_channels, in_channels, 1)
        self.proj_out = nn.Conv3d(in_channels, in_channels, 1)

    def forward(self, x):
        h_ = self.norm(x)
        q, k, v = self.q(h_), self.k(h_), self.v(h_)
        # compute attention of every frame
        b, c, t, h, w = q.shape
        q = q.reshape(b * t, c, h * w)
        q = q.permute(0, 2, 1)   # b,hw,c
        k = k.reshape(b * t, c, h * w)   # b,c,hw
        w_ = torch.bmm(q, k) * (int(c) ** (-0.5))
        w_ = nn.functional.softmax(w_, dim=2)
        v = v.reshape(b * t, c, h * w)
        w_ = w_.permute(0, 2, 1)
        h_ = torch.bmm(v, w_)
        h_ = h_.reshape(b, c, t, h, w)
        return x + self.proj_out(h_)
