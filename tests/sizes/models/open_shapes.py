"""Small models whose shapes hang on their input's: pads, sequences, windows, tokens, patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PaddedUNet(nn.Module):
    """Doubled maps are padded to their skips by what halving dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, padding=1)
        self.third = nn.Conv2d(16, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 16, 2, stride=2)
        self.fourth = nn.Conv2d(32, 8, 3, padding=1)
        self.fifth = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.first(x)
        b = self.second(F.max_pool2d(a, 2))
        c = self.third(F.max_pool2d(b, 2))
        d = self.fourth(self._joined(self.up(c), b))
        out: Tensor = self.fifth(self._joined(F.interpolate(d, scale_factor=2), a))
        return out

    @staticmethod
    def _joined(x: Tensor, skip: Tensor) -> Tensor:
        down, right = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = F.pad(x, [right // 2, right - right // 2, down // 2, down - down // 2])
        return torch.cat([skip, x], 1)


class TextReader(nn.Module):
    """Columns of features are read from left to right, as in a CRNN."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d((4, None)),
        )  # fmt: skip
        self.rnn = nn.GRU(64, 12, bidirectional=True, num_layers=2, batch_first=True)
        self.last = nn.LSTM(24, 10)
        self.head = nn.Linear(10, 37)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.features(x)
        n, c, h, w = maps.shape
        columns = maps.permute(0, 3, 1, 2).reshape(n, w, c * h)
        read, _ = self.rnn(columns)
        again, (state, _) = self.last(read.transpose(0, 1))
        out: Tensor = self.head(again + state[-1])
        return out.permute(1, 0, 2)


class SuperResolution(nn.Module):
    """Channels become pixels, and pixels channels."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 27, 5, padding=2)
        self.shuffle = nn.PixelShuffle(3)

    def forward(self, x: Tensor) -> Tensor:
        big = self.shuffle(self.body(x))
        small = F.pixel_unshuffle(big, 3)
        return F.interpolate(x, size=big.shape[-2:], mode="bicubic") + big + small.mean()


class TokenAttention(nn.Module):
    """Every place of the map is a token, and looks at every other."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.qkv = nn.Linear(16, 48)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x)
        n, c, h, w = tokens.shape
        tokens = tokens.flatten(2).transpose(1, 2)
        qkv = self.qkv(tokens).reshape(n, h * w, 3, 4, c // 4).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        scores = (q @ k.transpose(-2, -1) / (c // 4) ** 0.5).softmax(-1)
        mixed = (scores @ v).transpose(1, 2).reshape(n, h * w, c)
        mixed = mixed + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        mixed, _ = self.attention(mixed, mixed, mixed)
        mixed = self.layer(mixed)
        return mixed.transpose(1, 2).reshape(n, c, h, w)


class Windows(nn.Module):
    """Attention inside of windows of 6 x 6, padded to whole ones and cut back."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 2, stride=2)
        self.mix = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        below, right = (6 - h % 6) % 6, (6 - w % 6) % 6
        padded = F.pad(x, (0, 0, 0, right, 0, below))
        rows, columns = padded.shape[1] // 6, padded.shape[2] // 6
        windows = padded.view(n, rows, 6, columns, 6, c).permute(0, 1, 3, 2, 4, 5)
        windows = self.mix(windows.reshape(-1, 36, c))
        back = windows.view(n, rows, columns, 6, 6, c).permute(0, 1, 3, 2, 4, 5)
        back = torch.roll(back.reshape(n, rows * 6, columns * 6, c), (-3, -3), (1, 2))
        return back[:, :h, :w].permute(0, 3, 1, 2).contiguous()


class PyramidPooling(nn.Module):
    """Pooled to grids, and each interpolated to the size of the map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(8, 2, 1)) for size in (1, 2, 3, 6)
        )
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.stem(x)
        h, w = maps.size()[2:]
        grids = [
            F.interpolate(level(maps), (h, w), mode="bilinear", align_corners=False)
            for level in self.levels
        ]
        out = self.head(torch.cat([maps, *grids], 1))
        return F.interpolate(out, x.shape[2:], mode="bilinear")


class Decoder(nn.Module):
    """Transposed convolutions are told the size of the map on the way down."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.further = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1)
        self.last = nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down(x)
        b = self.further(a)
        c = self.up(b, output_size=a.shape[2:])
        out: Tensor = self.last(c + a, output_size=x.size()[2:])
        return out


class Strided(nn.Module):
    """Every second row, halves, chunks, splits, stacks and flips."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        x = torch.cat([F.interpolate(part, size=parts[0].shape[-2:]) for part in parts], 1)
        top, bottom = x.split([x.shape[2] // 2, x.shape[2] - x.shape[2] // 2], dim=2)
        left, right = x.chunk(2, dim=3)
        middle = x.narrow(2, x.shape[2] // 4, x.shape[2] // 2)
        x = torch.cat([bottom, top.flip(2), middle], 2)
        x = x.unfold(3, 4, 2).mean(-1)
        both = torch.stack([left.mean((2, 3)), right.mean((2, 3))], 1).sum(1)
        return x * both[:, :, None, None]


class Products(nn.Module):
    """Sums over letters: correlations of rows with columns, and of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        rows = torch.einsum("nchw,nchv->nhwv", x, x)
        gram = torch.einsum("bchw,bdhw->bcd", x, x) / x[0, 0].numel()
        flat = x.flatten(2)
        pairs = torch.bmm(flat.transpose(1, 2), flat)
        back = torch.einsum("nij,ncj->nci", pairs.softmax(-1), flat).view_as(x)
        return (
            torch.einsum("ncd,ndhw->nchw", gram, back) + rows.mean((1, 2, 3))[:, None, None, None]
        )


class Patches(nn.Module):
    """Overlapping patches taken apart, weighed and put together again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.weigh = nn.Linear(36, 36)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        columns = F.unfold(x, 3, stride=2, padding=1)
        columns = self.weigh(columns.transpose(1, 2)).transpose(1, 2)
        whole = F.fold(columns, x.shape[-2:], 3, stride=2, padding=1)
        counts = F.fold(F.unfold(torch.ones_like(x), 3, stride=2, padding=1),
                        (x.shape[-2], x.shape[-1]), 3, stride=2, padding=1)  # fmt: skip
        tiles = x.unfold(2, 2, 2).unfold(3, 2, 2)
        tiles = tiles.contiguous().view(*tiles.shape[:4], -1).amax(-1)
        return whole / counts + F.interpolate(tiles, size=x.shape[2:])


class Grids(nn.Module):
    """Coordinates of every place join the map, which is warped by an offset of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 8, 3, padding=1)
        self.offset = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        ys = torch.linspace(-1, 1, h, device=x.device)
        xs = torch.linspace(-1, 1, w, device=x.device)
        grid = torch.stack(torch.meshgrid(ys, xs, indexing="ij"))
        maps = self.conv(torch.cat([x, grid[None].expand(n, -1, -1, -1)], 1))
        places = (grid + self.offset(maps)).permute(0, 2, 3, 1)
        index = torch.arange(h * w, device=x.device).view(1, 1, h, w)
        return F.grid_sample(maps, places, align_corners=True) + index


class Sorted(nn.Module):
    """The strongest places of a map, and sizes that floats make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        scores = maps.mean(1).flatten(1)
        kept, index = scores.topk(scores.shape[1] // 4, dim=1)
        picked = maps.flatten(2).gather(2, index[:, None].expand(-1, 8, -1))
        h, w = int(x.shape[2] * 0.75), round(x.shape[3] / 3)
        small = F.adaptive_max_pool2d(maps, (h // 4, max(w // 4, 1)))
        return picked.mean(-1) * kept.sum(1, keepdim=True) + small.mean((2, 3))
