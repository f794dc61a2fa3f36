"""Networks on images, each with another reason why only some sizes fit."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.norm(self.conv2(F.relu(self.conv1(x)))))


class UNet(nn.Module):
    """Four levels, transposed convolutions, plain cat: multiples of 16."""

    def __init__(self, width=4):
        super().__init__()
        sizes = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(Block(a, b) for a, b in zip([3, *sizes], sizes))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(sizes, sizes[1:]))
        self.merge = nn.ModuleList(Block(2 * a, a) for a in sizes[:-1])
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        kept = []
        for level, block in enumerate(self.down):
            x = block(x)
            if level < 4:
                kept.append(x)
                x = F.max_pool2d(x, 2)
        for level in (3, 2, 1, 0):
            x = self.merge[level](torch.cat([kept[level], self.up[level](x)], 1))
        return self.head(x)


class PaddedUNet(nn.Module):
    """Pads what the upsampling lost: any size from 4."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = Block(3, 4), Block(4, 8), Block(8, 16)
        self.up1, self.up2 = nn.ConvTranspose2d(16, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)

    def pad(self, x, like):
        dy, dx = like.size(2) - x.size(2), like.size(3) - x.size(3)
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return torch.cat([x, like], 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        c = self.c(F.max_pool2d(b, 2))
        return self.pad(self.up2(self.pad(self.up1(c), b)[:, :8]), a)


class CropUNet(nn.Module):
    """Unpadded convolutions and cropped skips, as in the first U-Net."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
        self.b = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.c = nn.Conv2d(8, 4, 3)

    def forward(self, x):
        a = self.a(x)
        b = self.up(self.b(F.max_pool2d(a, 2)))
        top, left = (a.shape[2] - b.shape[2]) // 2, (a.shape[3] - b.shape[3]) // 2
        a = a[:, :, top : top + b.shape[2], left : left + b.shape[3]]
        return self.c(torch.cat([a, b], 1))


class Discriminator(nn.Module):
    """DCGAN's critic: the last convolution has to leave one value."""

    def __init__(self, width=8):
        super().__init__()
        layers, channels = [], 3
        for level in range(4):
            layers += [
                nn.Conv2d(channels, width * 2**level, 4, 2, 1, bias=False),
                nn.LeakyReLU(0.2),
            ]
            channels = width * 2**level
        self.net = nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 0))

    def forward(self, x):
        return self.net(x).view(-1, 1).squeeze(1)


class Generator(nn.Module):
    """DCGAN's generator, on a latent map: any size of it."""

    def __init__(self, width=8):
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(100, width * 4, 4, 1, 0),
            nn.BatchNorm2d(width * 4),
            nn.ReLU(),
            nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1),
            nn.BatchNorm2d(width * 2),
            nn.ReLU(),
            nn.ConvTranspose2d(width * 2, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.net(z)


class Residual(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(cin, cout, 3, stride, 1),
            nn.BatchNorm2d(cout),
            nn.ReLU(),
            nn.Conv2d(cout, cout, 3, 1, 1),
            nn.BatchNorm2d(cout),
        )
        self.skip = nn.Identity() if stride == 1 else nn.Conv2d(cin, cout, 1, stride)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


class FixedPoolResNet(nn.Module):
    """AvgPool2d(7) and a Linear behind it: 193 to 224."""

    def __init__(self, pool=7):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.blocks = nn.Sequential(
            Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 32, 2), Residual(32, 64, 2)
        )
        self.pool = nn.AvgPool2d(pool, stride=1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(self.blocks(self.stem(x)))
        return self.fc(x.view(x.size(0), -1))


class CifarResNet(nn.Module):
    """F.avg_pool2d(out, 4) and view: 25 to 32, and products of the same count."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(Residual(8, 16, 2), Residual(16, 32, 2), Residual(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.avg_pool2d(self.blocks(self.stem(x)), 4)
        x = x.view(x.size(0), -1)
        return self.fc(x)


class PoolShortcut(nn.Module):
    """A shortcut that pools by floor beside a convolution that rounds up: even sizes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, 2, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.conv(x) + self.pool(x)


class GlobalPool(nn.Module):
    """Pools by the size of the map: any size that passes the convolutions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5, 3)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = self.conv(x)
        x = F.avg_pool2d(x, x.size()[2:])
        return self.fc(x.flatten(1))


class Captcha(nn.Module):
    """Made for 36 x 120, view(-1, count)."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 18, 5), nn.Conv2d(18, 48, 5)
        self.fc1, self.fc2 = nn.Linear(48 * 6 * 27, 360), nn.Linear(360, 76)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, 48 * 6 * 27)
        x = self.fc2(F.relu(self.fc1(x))).view(-1, 4, 19)
        return F.softmax(x, 2).view(-1, 76)


class CeilPools(nn.Module):
    """Pools that round up, and a Linear."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.fc = nn.Linear(4 * 7 * 7, 10)

    def forward(self, x):
        x = self.pool(self.pool(self.conv(x)))
        return self.fc(torch.flatten(x, 1))


class Windows(nn.Module):
    """Patches of 4, windows of 14, as a Swin without padding: 56 to 59, 112 to 115, ..."""

    def __init__(self, dim=8, window=14):
        super().__init__()
        self.window = window
        self.embed = nn.Conv2d(3, dim, 4, 4)
        self.proj = nn.Linear(dim, dim)
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        B, H, W, C = x.shape
        w = self.window
        x = x.view(B, H // w, w, W // w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, C)
        x = self.proj(x)
        x = x.view(B, H // w, W // w, w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(B, H, W, C)
        return self.head(x.mean((1, 2)))


class PaddedWindows(nn.Module):
    """Pads to multiples of the window first, and cuts off again."""

    def __init__(self, dim=8, window=7):
        super().__init__()
        self.window = window
        self.embed = nn.Conv2d(3, dim, 4, 4)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        B, H, W, C = x.shape
        w = self.window
        pad_b, pad_r = (w - H % w) % w, (w - W % w) % w
        x = F.pad(x, (0, 0, 0, pad_r, 0, pad_b))
        _, Hp, Wp, _ = x.shape
        x = x.view(B, Hp // w, w, Wp // w, w, C).permute(0, 1, 3, 2, 4, 5).contiguous()
        x = self.proj(x.view(-1, w * w, C))
        B = int(x.shape[0] / (Hp * Wp / w / w))
        x = x.view(B, Hp // w, Wp // w, w, w, -1).permute(0, 1, 3, 2, 4, 5).contiguous()
        x = x.view(B, Hp, Wp, -1)[:, :H, :W, :].contiguous()
        return x.permute(0, 3, 1, 2)


class ViT(nn.Module):
    """A table of positions: as many patches as it has rows."""

    def __init__(self, side=64, patch=8, dim=16):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, dim))
        layer = nn.TransformerEncoderLayer(dim, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1)
        return self.head(self.encoder(x + self.pos)[:, 0])


class SquareAttention(nn.Module):
    """Rows times columns: the map has to be square."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return torch.matmul(x, x.softmax(-1))[:, :, :1] + x


class Spectrogram(nn.Module):
    """Convolutions, then an LSTM over time: frequencies fixed, time free."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(4),
            nn.Conv2d(8, 8, 3, (2, 1), (1, 0)),
        )
        self.rnn = nn.LSTM(8 * 8, 16, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(32, 5)

    def forward(self, x):
        x = self.conv(x)
        x = x.permute(0, 3, 1, 2).flatten(2)
        x, _ = self.rnn(x)
        return self.fc(x[:, -1])


class OddScale(nn.Module):
    """Upsampling by 1.15, then a fixed Linear: floats decide."""

    def __init__(self):
        super().__init__()
        self.up = nn.Upsample(scale_factor=1.15)
        self.fc = nn.Linear(3 * 23 * 23, 4)

    def forward(self, x):
        return self.fc(self.up(x).flatten(1))


class HalfScale(nn.Module):
    """Down by 0.5 and up by 2, added to what it was: even sizes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        y = F.interpolate(self.conv(x), scale_factor=0.5, mode="bilinear", align_corners=False)
        return x + F.interpolate(y, scale_factor=2)


class Broadcasting(nn.Module):
    """An odd small size passes because an axis of 1 broadcasts."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 2, 3, 8, 3)
        self.up = nn.ConvTranspose2d(2, 2, 6, 8)

    def forward(self, x):
        return self.up(self.down(x)) + x


class Branches(nn.Module):
    """The forward itself looks at the size."""

    def __init__(self):
        super().__init__()
        self.small, self.large = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 7, 2)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        if x.shape[2] < 40 and x.shape[3] % 2 == 0:
            x = self.small(x)
        elif x.shape[-1] > x.shape[-2]:
            x = self.large(x)
        else:
            x = self.small(self.small.weight.new_zeros(x.shape[0], 3, x.shape[2] - 8, 9))
        return self.fc(x.mean((2, 3)))


class Asserts(nn.Module):
    """Refuses what it does not like."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        b, c, h, w = x.shape
        assert h % 12 == 0 and w % 20 == 0, f"bad size {h} x {w}"
        if h > 2 * w:
            raise ValueError("too tall")
        return self.conv(x)


class Shuffle(nn.Module):
    """Pixels unshuffled by 3, then by 2 after a convolution."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.PixelUnshuffle(3), nn.PixelUnshuffle(2)
        self.conv = nn.Conv2d(27, 4, 3)
        self.up = nn.PixelShuffle(2)

    def forward(self, x):
        return self.up(self.b(self.conv(self.a(x))))


class InstanceNormed(nn.Module):
    """One value a channel has no spread: the map behind the convolutions is larger."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2),
            nn.InstanceNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, 2),
            nn.InstanceNorm2d(4),
        )

    def forward(self, x):
        return self.net(x)


class LayerNormed(nn.Module):
    """A norm over the whole map fixes it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)
        self.norm = nn.LayerNorm([4, 16, 24])

    def forward(self, x):
        return self.norm(self.conv(x))


class ReflectPadded(nn.Module):
    """Reflecting needs more rows than it pads."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d((3, 2, 5, 1)),
            nn.Conv2d(3, 4, 3),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 5, padding=2, padding_mode="circular"),
        )

    def forward(self, x):
        return self.net(x)


class FoldsBatch(nn.Module):
    """view(-1, 64) folds rows into the batch and nothing undoes it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        return self.fc(self.conv(x).view(-1, 64))


class FramesUndone(nn.Module):
    """Rows as a batch, and back: any even size."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 8)

    def forward(self, x):
        b, c, h, w = x.size()
        rows = x.permute(0, 2, 3, 1).reshape(b * h * w // 2, 2 * c)
        return self.fc(rows).view(b, h, w, 4)


class TwoScales(nn.Module):
    """A cat of two strides."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, 2, 1)
        self.b = nn.Sequential(nn.Conv2d(3, 4, 5, 1, 2), nn.AvgPool2d(3, 2))

    def forward(self, x):
        return torch.cat((self.a(x), self.b(x)), dim=1)


class AdaptiveAndFixed(nn.Module):
    """An adaptive pool along one axis only."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 5, 2)
        self.pool = nn.AdaptiveMaxPool2d((None, 6))
        self.fc = nn.Linear(4 * 9 * 6, 2)

    def forward(self, x):
        return self.fc(self.pool(self.conv(x)).flatten(1))


class Unpooled(nn.Module):
    """Pools with indices and unpools to the size it had."""

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        y, index = self.pool(x)
        return self.conv(self.unpool(y, index, output_size=x.size()))


class OutputSize(nn.Module):
    """A transposed convolution told its output."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, 3, 1)
        self.up = nn.ConvTranspose2d(4, 3, 3, 3, 1)

    def forward(self, x):
        return x + self.up(self.down(x), output_size=x.shape[2:])


class Pyramid(nn.Module):
    """Top-down additions after nearest upsampling to the other map's size."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2, self.c3 = (nn.Conv2d(a, 4, 3, 2, 1) for a in (3, 4, 4))

    def forward(self, x):
        a = self.c1(x)
        b = self.c2(a)
        c = self.c3(b)
        b = b + F.interpolate(c, size=b.shape[-2:])
        return {"a": a + F.interpolate(b, size=a.shape[-2:]), "c": c}


class Strided(nn.Module):
    """Slices with steps, joined again."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x):
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        return self.conv(torch.cat(parts, 1))


class Chunked(nn.Module):
    """Halves of the width, folded over each other."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        left, right = torch.chunk(self.conv(x), 2, dim=3)
        return left + right.flip(3)


class Positions(nn.Module):
    """Rows and columns have learned positions, looked up by number."""

    def __init__(self):
        super().__init__()
        self.rows, self.columns = nn.Embedding(50, 4), nn.Embedding(40, 4)
        self.conv = nn.Conv2d(3, 4, 2, 2)

    def forward(self, x):
        x = self.conv(x)
        i = torch.arange(x.shape[-1], device=x.device)
        j = torch.arange(x.shape[-2], device=x.device)
        columns, rows = self.columns(i), self.rows(j)
        return x + (rows[:, None] + columns[None]).permute(2, 0, 1)


class IntArithmetic(nn.Module):
    """Sizes halved through floats and int()."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 12 * 12, 3)

    def forward(self, x):
        h, w = int(x.size(2) / 2), math.ceil(x.size(3) * 0.5)
        x = F.adaptive_avg_pool2d(self.conv(x), (h, w))
        return self.fc(x.flatten(1))


class Squeezed(nn.Module):
    """squeeze() drops whatever is one."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 2), nn.AvgPool2d(4))
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(self.net(x).squeeze())


class NeverFits(nn.Module):
    """The channels are wrong whatever the size."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Conv2d(9, 8, 3)

    def forward(self, x):
        return self.b(self.a(x))


class AnySize(nn.Module):
    """Nothing but padding convolutions."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))

    def forward(self, x):
        return self.net(x)


class SquareRoot(nn.Module):
    """Takes the patches for a square: the root of their count."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 4, 4, 4)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = self.patch(x).flatten(2)
        side = int(x.size(2) ** 0.5)
        return self.conv(x.view(x.size(0), 4, side, side))
