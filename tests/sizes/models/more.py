"""Networks as people write them, each with sizes of its own that fit."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def conv_bn(cin, cout, k=3, s=1, d=1):
    return nn.Sequential(
        nn.Conv2d(cin, cout, k, s, padding=d * (k // 2), dilation=d, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


class OddCropUNet(nn.Module):
    """Crops the larger of the two maps, whichever it is."""

    def __init__(self):
        super().__init__()
        self.enc1, self.enc2, self.mid = conv_bn(3, 4), conv_bn(4, 8), conv_bn(8, 8)
        self.up2 = nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1)
        self.up1 = nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)
        self.dec2, self.dec1 = conv_bn(16, 8), conv_bn(8, 4)

    @staticmethod
    def crop(a, b):
        h, w = min(a.size(2), b.size(2)), min(a.size(3), b.size(3))
        return torch.cat([a[:, :, :h, :w], b[:, :, :h, :w]], dim=1)

    def forward(self, x):
        e1 = self.enc1(x)
        e2 = self.enc2(F.max_pool2d(e1, 2))
        m = self.mid(F.max_pool2d(e2, 2))
        d2 = self.dec2(self.crop(e2, self.up2(m)))
        return self.dec1(self.crop(e1, self.up1(d2)))


class ValidUNet(nn.Module):
    """No padding, two levels, center_crop of torchvision style."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.c2 = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.c3 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.u2, self.u1 = nn.ConvTranspose2d(8, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)
        self.d2 = nn.Sequential(nn.Conv2d(16, 8, 3), nn.ReLU())
        self.d1 = nn.Sequential(nn.Conv2d(8, 4, 3), nn.ReLU())

    def crop(self, skip, x):
        _, _, h, w = x.shape
        top = int(round((skip.shape[2] - h) / 2.0))
        left = int(round((skip.shape[3] - w) / 2.0))
        return skip[:, :, top : top + h, left : left + w]

    def forward(self, x):
        a = self.c1(x)
        b = self.c2(F.max_pool2d(a, 2))
        c = self.c3(F.max_pool2d(b, 2))
        y = self.u2(c)
        y = self.d2(torch.cat((self.crop(b, y), y), 1))
        y = self.u1(y)
        return self.d1(torch.cat((self.crop(a, y), y), 1))


class ResizeUNet(nn.Module):
    """Upsamples by two, then to the skip's size where they differ."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = conv_bn(3, 4), conv_bn(4, 8), conv_bn(8, 8)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.d, self.e = conv_bn(16, 4), conv_bn(8, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        c = self.c(F.max_pool2d(b, 2))
        y = self.up(c)
        if y.shape != b.shape:
            y = F.interpolate(y, size=b.shape[2:])
        y = self.up(self.d(torch.cat([y, b], 1)))
        if y.shape[-2:] != a.shape[-2:]:
            y = F.interpolate(y, size=a.shape[-2:])
        return self.e(torch.cat([y, a], 1))


class Aspp(nn.Module):
    """DeepLab's pyramid with image pooling."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(conv_bn(3, 8, s=2), conv_bn(8, 8, s=2), conv_bn(8, 8, d=2))
        self.branches = nn.ModuleList(
            [conv_bn(8, 4, 1)] + [conv_bn(8, 4, 3, d=rate) for rate in (6, 12, 18)]
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1))
        self.project = nn.Conv2d(20, 5, 1)

    def forward(self, x):
        size = x.shape[-2:]
        f = self.backbone(x)
        parts = [branch(f) for branch in self.branches]
        parts.append(F.interpolate(self.pool(f), size=f.shape[-2:], mode="bilinear"))
        return F.interpolate(self.project(torch.cat(parts, 1)), size=size, mode="bilinear")


class UnpaddedAspp(nn.Module):
    """Dilated branches without padding, cropped to the smallest."""

    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(3, 4, 3, dilation=d) for d in (1, 6, 12))

    def forward(self, x):
        maps = [branch(x) for branch in self.branches]
        h = min(m.shape[2] for m in maps)
        w = min(m.shape[3] for m in maps)
        return torch.cat([m[:, :, :h, :w] for m in maps], 1)


class Fpn(nn.Module):
    """Top-down sums by nearest doubling: needs multiples."""

    def __init__(self):
        super().__init__()
        self.c = nn.ModuleList([conv_bn(3, 4, s=2), conv_bn(4, 8, s=2), conv_bn(8, 16, s=2)])
        self.lateral = nn.ModuleList([nn.Conv2d(c, 4, 1) for c in (4, 8, 16)])

    def forward(self, x):
        maps = []
        for block in self.c:
            x = block(x)
            maps.append(x)
        last = self.lateral[2](maps[2])
        outs = [last]
        for level in (1, 0):
            last = self.lateral[level](maps[level]) + F.interpolate(last, scale_factor=2)
            outs.insert(0, last)
        return outs


class FpnToSize(Fpn):
    """Top-down sums to the lateral's own size: any."""

    def forward(self, x):
        maps = []
        for block in self.c:
            x = block(x)
            maps.append(x)
        last = self.lateral[2](maps[2])
        outs = {"p2": last}
        for level in (1, 0):
            side = self.lateral[level](maps[level])
            last = side + F.interpolate(last, size=side.shape[-2:], mode="nearest")
            outs[f"p{level}"] = last
        return outs


class PatchTransformer(nn.Module):
    """Patches of 8, a fixed position table for 4 x 6 of them, a class token."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 8, 8)
        self.cls = nn.Parameter(torch.zeros(1, 1, 16))
        self.pos = nn.Parameter(torch.zeros(1, 1 + 24, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], 1) + self.pos
        return self.head(self.encoder(x)[:, 0])


class InterpolatedPositions(nn.Module):
    """Positions resized to the grid: any size from a patch."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.pos = nn.Parameter(torch.zeros(1, 8, 7, 7))

    def forward(self, x):
        x = self.embed(x)
        pos = F.interpolate(self.pos, size=x.shape[-2:], mode="bicubic", align_corners=False)
        return (x + pos).flatten(2).transpose(1, 2).mean(1)


class WindowAttention(nn.Module):
    """Windows of 7 after patches of 4, by view and permute."""

    def __init__(self, window=7):
        super().__init__()
        self.window = window
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        m = self.window
        x = x.view(b, h // m, m, w // m, m, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, m * m, c)
        x, _ = self.attn(x, x, x)
        x = x.view(b, h // m, w // m, m, m, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return x.mean((1, 2))


class PixelNet(nn.Module):
    """Unshuffle by 4, shuffle back by 2 twice, and add the input."""

    def __init__(self):
        super().__init__()
        self.down = nn.PixelUnshuffle(4)
        self.body = nn.Conv2d(48, 48, 3, padding=1)
        self.up = nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(12, 12, 1), nn.PixelShuffle(2))

    def forward(self, x):
        return x + self.up(self.body(self.down(x)))


class AdaptiveHead(nn.Module):
    """VGG's adaptive pool to 7, a map smaller than that is repeated."""

    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(conv_bn(3, 8), nn.MaxPool2d(2), conv_bn(8, 8), nn.MaxPool2d(2))
        self.pool = nn.AdaptiveAvgPool2d((7, 5))
        self.fc = nn.Linear(8 * 35, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.f(x)), 1))


class CeilNet(nn.Module):
    """Ceil mode pools of stride 2 and 3 and a linear behind."""

    def __init__(self):
        super().__init__()
        self.p1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.p2 = nn.AvgPool2d(3, 3, padding=1, ceil_mode=True)
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 4 * 3, 10)

    def forward(self, x):
        x = self.p2(self.conv(self.p1(x)))
        return self.fc(x.reshape(x.shape[0], -1))


class WaveEncoder(nn.Module):
    """wav2vec's strides on raw sound: a shortest length."""

    def __init__(self):
        super().__init__()
        layers, c = [], 1
        for k, s in ((10, 5), (3, 2), (3, 2), (2, 2)):
            layers += [nn.Conv1d(c, 8, k, s, bias=False), nn.GroupNorm(8, 8), nn.GELU()]
            c = 8
        self.net = nn.Sequential(*layers)

    def forward(self, wave):
        return self.net(wave.unsqueeze(1)).transpose(1, 2)


class M5(nn.Module):
    """Sound classes: global average over time."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.pool1 = nn.Conv1d(1, 8, 80, 16), nn.BatchNorm1d(8), nn.MaxPool1d(4)
        self.conv2, self.bn2, self.pool2 = nn.Conv1d(8, 8, 3), nn.BatchNorm1d(8), nn.MaxPool1d(4)
        self.fc = nn.Linear(8, 35)

    def forward(self, x):
        x = self.pool1(F.relu(self.bn1(self.conv1(x))))
        x = self.pool2(F.relu(self.bn2(self.conv2(x))))
        x = F.avg_pool1d(x, x.shape[-1])
        x = x.permute(0, 2, 1)
        return F.log_softmax(self.fc(x), dim=2)


class WaveUNet(nn.Module):
    """Demucs-like: strides down, transposed up, trimmed to the input."""

    def __init__(self):
        super().__init__()
        self.d1, self.d2 = nn.Conv1d(1, 4, 8, 4), nn.Conv1d(4, 8, 8, 4)
        self.u2, self.u1 = nn.ConvTranspose1d(8, 4, 8, 4), nn.ConvTranspose1d(4, 1, 8, 4)

    def forward(self, x):
        a = F.relu(self.d1(x))
        b = F.relu(self.d2(a))
        y = F.relu(self.u2(b))
        y = y + a[..., : y.shape[-1]]
        return self.u1(y)


class Tcn(nn.Module):
    """Causal dilated convolutions that chomp what they padded."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(4 if i == 0 else 8, 8, 3, padding=2 * 2**i, dilation=2**i) for i in range(4)
        )
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            pad = 2 * 2**i
            x = F.relu(conv(x)[:, :, :-pad].contiguous())
        return self.fc(x[:, :, -1])


class TinyGpt(nn.Module):
    """A position table of 32, and an assert that says so."""

    def __init__(self):
        super().__init__()
        self.block_size = 32
        self.tok, self.pos = nn.Embedding(50, 16), nn.Embedding(32, 16)
        self.qkv, self.proj = nn.Linear(16, 48), nn.Linear(16, 16)
        self.register_buffer("bias", torch.tril(torch.ones(32, 32)).view(1, 1, 32, 32))
        self.head = nn.Linear(16, 50)

    def forward(self, idx):
        b, t = idx.size()
        assert t <= self.block_size, f"cannot forward {t} tokens"
        x = self.tok(idx) + self.pos(torch.arange(t, device=idx.device))
        q, k, v = self.qkv(x).split(16, dim=2)
        q, k, v = (y.view(b, t, 2, 8).transpose(1, 2) for y in (q, k, v))
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(8))
        att = att.masked_fill(self.bias[:, :, :t, :t] == 0, float("-inf"))
        y = (F.softmax(att, dim=-1) @ v).transpose(1, 2).contiguous().view(b, t, 16)
        return self.head(self.proj(y))


class SinusoidalText(nn.Module):
    """The tutorial's positional encoding, sliced from a buffer of 64, and a mean."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(100, 8)
        position = torch.arange(64).unsqueeze(1)
        div = torch.exp(torch.arange(0, 8, 2) * (-math.log(10000.0) / 8))
        pe = torch.zeros(64, 8)
        pe[:, 0::2], pe[:, 1::2] = torch.sin(position * div), torch.cos(position * div)
        self.register_buffer("pe", pe.unsqueeze(0))
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)

    def forward(self, tokens):
        x = self.emb(tokens) * math.sqrt(8)
        x = x + self.pe[:, : x.size(1)]
        return self.enc(x).mean(dim=1)


class TextCnn(nn.Module):
    """Kim's filters of 3, 4 and 5 over words."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(100, 12)
        self.convs = nn.ModuleList(nn.Conv2d(1, 4, (k, 12)) for k in (3, 4, 5))
        self.fc = nn.Linear(12, 2)

    def forward(self, x):
        x = self.emb(x).unsqueeze(1)
        x = [F.relu(conv(x)).squeeze(3) for conv in self.convs]
        x = [F.max_pool1d(i, i.size(2)).squeeze(2) for i in x]
        return self.fc(torch.cat(x, 1))


class ImageAndDepth(nn.Module):
    """Two pictures that have to meet after other strides."""

    def __init__(self):
        super().__init__()
        self.rgb, self.depth = conv_bn(3, 4, s=4), conv_bn(1, 4, s=2)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, rgb, depth):
        return self.head(torch.cat([self.rgb(rgb), self.depth(depth)], 1))


class TwoLengths(nn.Module):
    """Two sequences, each of a free length; one is attended to by the other."""

    def __init__(self):
        super().__init__()
        self.a = nn.GRU(6, 8, batch_first=True)
        self.b = nn.Linear(5, 8)
        self.conv = nn.Conv1d(8, 8, 4, 2)

    def forward(self, a, b):
        a, _ = self.a(a)
        b = self.conv(self.b(b).transpose(1, 2)).transpose(1, 2)
        scores = torch.softmax(torch.bmm(a, b.transpose(1, 2)), -1)
        return torch.bmm(scores, b)


class AssertedSizes(nn.Module):
    """Says itself what it takes, by assert and by raise."""

    def __init__(self):
        super().__init__()
        self.net = conv_bn(3, 4, s=2)

    def forward(self, x):
        n, c, h, w = x.shape
        assert h % 8 == 0 and w % 8 == 0, "multiples of 8"
        if h < 32 or w < 32:
            raise ValueError(f"too small: {h}x{w}")
        if max(h, w) > 4 * min(h, w):
            raise ValueError("too long")
        return self.net(x).mean(dim=(2, 3))


class ReshapeTrick(nn.Module):
    """2 x 2 pooling and a channel shuffle by reshape."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        return x.flatten(2).unflatten(2, (3, -1)).mean(-1)


class FixedResize(nn.Module):
    """Resizes whatever comes to 64, then flattens."""

    def __init__(self):
        super().__init__()
        self.conv = conv_bn(3, 4, s=4)
        self.fc = nn.Linear(4 * 16 * 16, 10)

    def forward(self, x):
        if x.shape[-1] != 64 or x.shape[-2] != 64:
            x = F.interpolate(x, (64, 64), mode="bilinear")
        return self.fc(self.conv(x).flatten(1))


class HalfAndBack(nn.Module):
    """Half the size by interpolation, twice back, and a sum."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        y = F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
        y = F.interpolate(self.conv(y), scale_factor=2, mode="bilinear", align_corners=False)
        return x + y


class ThreeHalves(nn.Module):
    """1.5 times as large and behind a pool of 3 the same as half of it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = F.max_pool2d(F.interpolate(self.conv(x), scale_factor=1.5), 3)
        return y + F.avg_pool2d(x, 2)


class Autoencoder(nn.Module):
    """Transposed convolutions back to what came, and the difference."""

    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU())
        self.dec = nn.Sequential(
            nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 3, 2, 1, 1)
        )

    def forward(self, x):
        return self.dec(self.enc(x)) - x


class Vae(nn.Module):
    """Flattens to a latent and back to a fixed 8 x 8."""

    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1))
        self.mu, self.back = nn.Linear(512, 4), nn.Linear(4, 512)
        self.dec = nn.Sequential(nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ConvTranspose2d(8, 3, 4, 2, 1))

    def forward(self, x):
        z = self.mu(self.enc(x).flatten(1))
        return self.dec(self.back(z).view(-1, 8, 8, 8)), z


class DenseSkips(nn.Module):
    """Cats of maps at three strides: multiples of 8."""

    def __init__(self):
        super().__init__()
        self.s1, self.s2, self.s3 = conv_bn(3, 4, s=2), conv_bn(4, 4, s=2), conv_bn(4, 4, s=2)

    def forward(self, x):
        a = self.s1(x)
        b = self.s2(a)
        c = self.s3(b)
        return torch.cat(
            [a, F.interpolate(b, scale_factor=2.0), F.interpolate(c, scale_factor=4.0)], 1
        )


class GlobalThenLinear(nn.Module):
    """Means and maxima over the map: any size the stem takes."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2), conv_bn(8, 8))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.stem(x)
        return self.fc(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))


class BrokenChannels(nn.Module):
    """No size fits: the second convolution wants other channels."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Conv2d(16, 8, 3)

    def forward(self, x):
        return self.b(self.a(x))


class BrokenFlatten(nn.Module):
    """Fails as asked at 32: the number in Linear is for 28."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.c1(x), 2))
        x = F.relu(F.max_pool2d(self.c2(x), 2))
        x = x.view(-1, 320)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


class BrokenProduct(nn.Module):
    """A Linear for 100 of a map whose channels are 7: nothing fits."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 7, 3, 2), nn.Linear(100, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


class SpatialTransformer(nn.Module):
    """A grid sampled from the input's own size; the localisation is for 28."""

    def __init__(self):
        super().__init__()
        self.loc = nn.Sequential(
            nn.Conv2d(1, 8, 7), nn.MaxPool2d(2, 2), nn.ReLU(), nn.Conv2d(8, 10, 5), nn.MaxPool2d(2, 2)
        )
        self.fc = nn.Linear(10 * 3 * 3, 6)
        self.conv = nn.Conv2d(1, 4, 5)

    def forward(self, x):
        theta = self.fc(self.loc(x).view(-1, 90)).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(x.size()), align_corners=False)
        return self.conv(F.grid_sample(x, grid, align_corners=False))


class Crnn(nn.Module):
    """Text lines: the height must shrink to one, the width is time."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 4, 3, 1, 1), nn.MaxPool2d(2, 2), nn.Conv2d(4, 8, 3, 1, 1), nn.MaxPool2d(2, 2),
            nn.Conv2d(8, 8, 3, 1, 1), nn.MaxPool2d((2, 2), (2, 1), (0, 1)), nn.Conv2d(8, 8, 2, 1, 0),
        )
        self.rnn = nn.LSTM(8, 4, bidirectional=True, batch_first=True)

    def forward(self, x):
        x = self.cnn(x)
        assert x.size(2) == 1, "the height of conv must be 1"
        x = x.squeeze(2).permute(0, 2, 1)
        return self.rnn(x)[0]


class Yolo(nn.Module):
    """A grid head: boxes reshaped to anchors, the two scales joined."""

    def __init__(self):
        super().__init__()
        self.b1, self.b2 = nn.Sequential(conv_bn(3, 4, s=4), conv_bn(4, 8, s=4)), conv_bn(8, 8, s=2)
        self.h1, self.h2 = nn.Conv2d(16, 18, 1), nn.Conv2d(8, 18, 1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x):
        a = self.b1(x)
        b = self.b2(a)
        outs = []
        for head, feature in ((self.h2, b), (self.h1, torch.cat([a, self.up(b)], 1))):
            y = head(feature)
            n, _, gy, gx = y.shape
            outs.append(y.view(n, 3, 6, gy, gx).permute(0, 1, 3, 4, 2).reshape(n, -1, 6))
        return torch.cat(outs, 1)


class SqueezeExcite(nn.Module):
    """Scales by global means; a stride on one side only."""

    def __init__(self):
        super().__init__()
        self.conv, self.a, self.b = nn.Conv2d(3, 8, (5, 3), (2, 1)), nn.Linear(8, 2), nn.Linear(2, 8)

    def forward(self, x):
        x = self.conv(x)
        s = torch.sigmoid(self.b(F.relu(self.a(F.adaptive_avg_pool2d(x, 1).flatten(1)))))
        return x * s[:, :, None, None]


class NonLocal(nn.Module):
    """All pairs of places, and back to the map."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(3, 4, 1) for _ in range(3))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        n, _, h, w = x.shape
        q = self.q(x).view(n, 4, -1).permute(0, 2, 1)
        k = self.pool(self.k(x)).view(n, 4, -1)
        v = self.pool(self.v(x)).view(n, 4, -1).permute(0, 2, 1)
        y = torch.matmul(F.softmax(torch.matmul(q, k), -1), v)
        return y.permute(0, 2, 1).contiguous().view(n, 4, h, w)


class Mixer(nn.Module):
    """Mixes over a fixed number of patches."""

    def __init__(self, patches=30):
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.tokens, self.channels = nn.Linear(patches, patches), nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return (x + self.channels(self.norm(x))).mean(1)


class DivisorPad(nn.Module):
    """Pads to the next multiple of 16, and crops what it padded."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(conv_bn(3, 4, s=4), conv_bn(4, 4, s=4))
        self.up = nn.Sequential(nn.ConvTranspose2d(4, 4, 4, 4), nn.ConvTranspose2d(4, 3, 4, 4))

    def forward(self, x):
        h, w = x.shape[-2:]
        ph, pw = math.ceil(h / 16) * 16 - h, math.ceil(w / 16) * 16 - w
        x = F.pad(x, (0, pw, 0, ph), mode="reflect")
        return self.up(self.down(x))[..., :h, :w]


class Conv3dNet(nn.Module):
    """Clips: frames and sizes to one vector."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv3d(3, 4, 3, padding=1), nn.Conv3d(4, 8, (3, 5, 5), stride=(1, 2, 2))
        self.pool, self.fc = nn.MaxPool3d((1, 2, 2)), nn.Linear(8 * 2 * 4 * 4, 5)

    def forward(self, x):
        x = self.pool(F.relu(self.c1(x)))
        return self.fc(self.pool(F.relu(self.c2(x))).flatten(1))


class FeaturesThenMax(nn.Module):
    """A point cloud: any number of points."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 16, 1))
        self.fc = nn.Linear(16, 4)

    def forward(self, points):
        x = self.mlp(points)
        x, _ = torch.max(x, 2, keepdim=True)
        return self.fc(x.view(-1, 16))


class Haar(nn.Module):
    """Even and odd rows apart: both sides have to be even."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x):
        a, b = x[:, :, 0::2, 0::2], x[:, :, 1::2, 0::2]
        c, d = x[:, :, 0::2, 1::2], x[:, :, 1::2, 1::2]
        return self.conv(torch.cat([a + b + c + d, a - b, c - d, a - d], 1))


class Folded(nn.Module):
    """Unfold and fold of torch with overlapping windows."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(27, 27)

    def forward(self, x):
        h, w = x.shape[2:]
        cols = F.unfold(x, 3, stride=2)
        cols = self.mix(cols.transpose(1, 2)).transpose(1, 2)
        return F.fold(cols, (h, w), 3, stride=2)


class Siamese(nn.Module):
    """Two pictures through one net, joined over the batch and taken apart."""

    def __init__(self):
        super().__init__()
        self.net, self.fc = nn.Sequential(conv_bn(1, 4, s=2), nn.MaxPool2d(2)), nn.Linear(4 * 6 * 6, 8)

    def forward(self, a, b):
        both = self.fc(self.net(torch.cat([a, b], 0)).flatten(1))
        x, y = both.chunk(2, 0)
        return (x - y).pow(2).sum(1)


class EveryBatch(nn.Module):
    """Groups the batch by four where it can: another limit for other batches."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        groups = min(4, n)
        y = x.reshape(groups, -1, c, h, w)
        return (x - y.mean(0, keepdim=True).reshape(-1, c, h, w)[:1]).mean((2, 3))
