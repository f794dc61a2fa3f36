"""Networks on sequences, volumes and several inputs."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Sequence1d(nn.Module):
    """Convolutions in time and a Linear."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(4, 8, 7, 2), nn.ReLU(), nn.MaxPool1d(3), nn.Conv1d(8, 4, 3, 2, dilation=2)
        )
        self.fc = nn.Linear(4 * 11, 3)

    def forward(self, x):
        return self.fc(self.net(x).flatten(1))


class Wave(nn.Module):
    """A waveform without channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 80, 4)
        self.pool = nn.MaxPool1d(4)

    def forward(self, x):
        return self.pool(self.conv(x.unsqueeze(1))).mean(2)


class Positional(nn.Module):
    """A buffer of positions, sliced to the length."""

    def __init__(self, longest=70, dim=8):
        super().__init__()
        self.register_buffer("pe", torch.zeros(1, longest, dim))
        self.fc = nn.Linear(dim, dim)

    def forward(self, x):
        return self.fc(x + self.pe[:, : x.size(1)])


class Tokens(nn.Module):
    """Token ids and a table of positions."""

    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(100, 16), nn.Embedding(48, 16)
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)

    def forward(self, ids):
        at = torch.arange(ids.size(1), device=ids.device).unsqueeze(0).expand_as(ids)
        return self.layer(self.tokens(ids) + self.positions(at))


class Rnn(nn.Module):
    """Any length."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(12, 8, 2, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class Causal(nn.Module):
    """A mask cut out of a table."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(12, 36)
        self.register_buffer("mask", torch.tril(torch.ones(32, 32)).view(1, 1, 32, 32))

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = (part.view(b, t, 3, 4).transpose(1, 2) for part in self.qkv(x).split(12, dim=2))
        scores = (q @ k.transpose(-2, -1)).masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf"))
        return (scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(b, t, c)


class Mlp(nn.Module):
    """784 features and nothing free."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(x)


class FlatMlp(nn.Module):
    """Pictures flattened: only their product counts."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))


class Volume(nn.Module):
    """Three free axes."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv3d(1, 2, 3, 2, 1), nn.ReLU(), nn.MaxPool3d(2))
        self.fc = nn.Linear(2 * 2 * 4 * 4, 3)

    def forward(self, x):
        return self.fc(self.net(x).flatten(1))


class SuperResolution(nn.Module):
    """A guide four times as large."""

    def __init__(self):
        super().__init__()
        self.up = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), nn.PixelShuffle(4))
        self.guide = nn.Conv2d(1, 3, 3, padding=1)

    def forward(self, low, guide):
        return self.up(low) + self.guide(guide)


class TwoImages(nn.Module):
    """Two pictures whose maps have to agree after two pools."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1))
        self.b = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.MaxPool2d(3, 2, 1))

    def forward(self, x, *, other):
        return torch.cat([self.a(x), self.b(other)], 1)


class ImageAndVector(nn.Module):
    """Features beside a picture."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2)
        self.fc = nn.Linear(4 + 5, 2)

    def forward(self, x, features):
        return self.fc(torch.cat([self.conv(x).mean((2, 3)), features], 1))


class CrossAttention(nn.Module):
    """Two lengths that need not agree, and a mask for one of them."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, query, memory, padding):
        return self.attention(query, memory, memory, key_padding_mask=padding)[0]


class ChannelsLast(nn.Module):
    """Pictures as cameras give them."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 4, 4)
        self.fc = nn.Linear(4 * 6 * 6, 2)

    def forward(self, x):
        return self.fc(self.conv(x.permute(0, 3, 1, 2)).flatten(1))


class BatchLoop(nn.Module):
    """Goes through the samples one by one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return torch.stack([self.conv(x[i : i + 1])[0] for i in range(len(x))])


class StepLoop(nn.Module):
    """Goes through time step by step."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(6, 4)

    def forward(self, x):
        h = x.new_zeros(x.size(0), 4)
        c = x.new_zeros(x.size(0), 4)
        outputs = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            outputs.append(h)
        return torch.stack(outputs, 1)


class Video(nn.Module):
    """Frames folded into the batch and back."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2)
        self.rnn = nn.LSTM(4, 5, batch_first=True)

    def forward(self, x):
        b, t, c, h, w = x.shape
        x = self.conv(x.view(b * t, c, h, w)).mean((2, 3)).view(b, t, -1)
        return self.rnn(x)[0][:, -1]


class Fourier(nn.Module):
    """A spectrum added to weights of a fixed length."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(17))

    def forward(self, x):
        return torch.fft.irfft(torch.fft.rfft(x) * self.weight, n=x.shape[-1])


class Bilinear2(nn.Module):
    """Chunks of a signal, framed by unfold."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc(x.unfold(1, 16, 8)).mean(1)


class Patches(nn.Module):
    """im2col and back."""

    def __init__(self):
        super().__init__()
        self.unfold = nn.Unfold(4, stride=4)
        self.fc = nn.Linear(48, 48)

    def forward(self, x):
        cut = self.fc(self.unfold(x).transpose(1, 2)).transpose(1, 2)
        return F.fold(cut, x.shape[-2:], 4, stride=4)
