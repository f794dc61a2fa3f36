import torch
import torch.nn as nn


class Attention(nn.Module):
    def __init__(self, inp=96, image_size=(32, 32), heads=8, dim_head=12):
        super().__init__()
        inner_dim = dim_head * heads
        self.ih, self.iw = image_size
        self.heads = heads
        self.scale = dim_head ** -0.5
        # parameter table of relative position bias
        self.relative_bias_table = nn.Parameter(torch.zeros((2 * self.ih - 1) * (2 * self.iw - 1), heads))
        coords = torch.stack(torch.meshgrid(torch.arange(self.ih), torch.arange(self.iw), indexing="ij"))
        coords = torch.flatten(coords, 1)
        relative = coords[:, :, None] - coords[:, None, :]
        relative = relative + torch.tensor([self.ih - 1, self.iw - 1])[:, None, None]
        index = relative[0] * (2 * self.iw - 1) + relative[1]
        self.register_buffer("relative_index", index)
        self.to_qkv = nn.Linear(inp, inner_dim * 3, bias=False)
        self.to_out = nn.Linear(inner_dim, inp)

    def forward(self, x):
        b, c, h, w = x.shape
        t = x.flatten(2).transpose(1, 2)
        q, k, v = self.to_qkv(t).chunk(3, dim=-1)
        q, k, v = [z.reshape(b, h * w, self.heads, -1).transpose(1, 2) for z in (q, k, v)]
        dots = torch.matmul(q, k.transpose(-1, -2)) * self.scale
        relative_bias = self.relative_bias_table[self.relative_index].permute(2, 0, 1).unsqueeze(0)
        dots = dots + relative_bias
        out = torch.matmul(dots.softmax(dim=-1), v)
        out = out.transpose(1, 2).reshape(b, h * w, -1)
        return self.to_out(out).transpose(1, 2).reshape(b, c, h, w)
