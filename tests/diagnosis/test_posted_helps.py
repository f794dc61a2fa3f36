"""What people are told who post such models: the help of each, and the words that explain it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.diagnostic import Severity
from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.session import Request, run_trace
from tests.diagnosis.test_sensible_helps import Broken

POSTED = {
    "a pool for another picture is made global": Broken(
        "self.conv = nn.Conv2d(3, 64, 3, 4, 1)\nself.fc = nn.Linear(64, 10)",
        "x = F.avg_pool2d(self.conv(x), 8)\nx = x.view(-1, 64)\nreturn self.fc(x)",
        ("4,3,64,64",),
        "x = F.adaptive_avg_pool2d(self.conv(x), 1)",
        " x = x\n",
    ),
    "a squeeze that does no good is taken out with its line": Broken(
        "self.fc = nn.Linear(8, 4)",
        "x = self.fc(x)\nx = x.squeeze(0)\nreturn x",
        ("1,8",),
        "13 -         x = x.squeeze(0)",
        " x = x\n",
    ),
    "flags in one long row are classes again": Broken(
        "self.fc = nn.Linear(9, 4)",
        "return F.cross_entropy(self.fc(x), y.view(-1))",
        ("8,9", "8,4:int64<2"),
        "F.cross_entropy(self.fc(x), y.argmax(1))",
        given="x, y",
    ),
    "an axis of 1 goes behind the channels": Broken(
        "self.conv = nn.Conv1d(10, 8, 1)",
        "x = torch.unsqueeze(x, 1)\nfor layer in [self.conv]:\n    x = layer(x)\nreturn x",
        ("4,10",),
        "torch.unsqueeze(x, -1)",
    ),
    "a column beside the row of its targets": Broken(
        "self.fc = nn.Linear(5, 1)",
        "return F.mse_loss(self.fc(x), y)",
        ("8,5", "8"),
        "F.mse_loss(self.fc(x).squeeze(-1), y)",
        given="x, y",
    ),
    "a map beside targets without its channel": Broken(
        "self.conv = nn.Conv2d(3, 1, 1)\nself.loss = nn.SmoothL1Loss()",
        "return self.loss(self.conv(x), y)",
        ("4,3,8,8", "4,8,8"),
        "self.loss(self.conv(x).squeeze(1), y)",
        given="x, y",
    ),
    "a loss that takes no two shapes": Broken(
        "self.fc = nn.Linear(5, 1)",
        "return F.binary_cross_entropy_with_logits(self.fc(x), y)",
        ("8,5", "8"),
        "F.binary_cross_entropy_with_logits(self.fc(x).squeeze(-1), y)",
        given="x, y",
    ),
    "keys of fewer heads are repeated": Broken(
        "self.q = nn.Linear(64, 64)\nself.kv = nn.Linear(64, 16)",
        "q = self.q(x).view(x.size(0), -1, 8, 8).transpose(1, 2)\n"
        "k = self.kv(x).view(x.size(0), -1, 2, 8).transpose(1, 2)\n"
        "return (q @ k.transpose(-2, -1)).softmax(-1) @ k",
        ("2,10,64",),
        "k.transpose(-2, -1).repeat_interleave(4, dim=1)).softmax(-1) @ k.repeat_interleave(4",
    ),
    "half of a name that others are reckoned from": Broken(
        "self.conv = nn.Conv1d(n, n // 2, 3, padding=1)\nself.norm = nn.LayerNorm(n)",
        "return self.norm(self.conv(x).transpose(1, 2))",
        ("2,40,9",),
        "nn.LayerNorm(n // 2)",
        settings="n=40",
    ),
    "a norm keeps the axis that it is expanded along": Broken(
        "self.fc = nn.Linear(9, 64)",
        "x = self.fc(x)\nnorm = x.norm(p=2, dim=1) + 1e-10\nreturn x / norm.expand_as(x)",
        ("32,9",),
        "x.norm(p=2, dim=1, keepdim=True) + 1e-10",
    ),
    "a single step loses its axis where it is made": Broken(
        "self.fc = nn.Linear(24, 5)",
        "c = torch.bmm(w, m)\nh = torch.cat((x, c), -1)\nreturn self.fc(torch.cat((h, c), -1))",
        ("4,8", "4,1,6", "4,6,8"),
        "c = torch.bmm(w, m).squeeze(1)",
        given="x, w, m",
    ),
    "a sum without the term that never came": Broken(
        "n = 3 + 6 * freqs\nself.a = nn.Linear(n, 32)\nself.b = nn.Linear(32 + n, 4)",
        "x = torch.cat([f(x * i) for i in range(4) for f in (torch.sin, torch.cos)], -1)\n"
        "return self.b(torch.cat([self.a(x), x], -1))",
        ("16,3",),
        "n = 6 * freqs\n",
        settings="freqs=4",
    ),
    "a mask of the padding is turned where the comment names the axes": Broken(
        "self.embed = nn.Embedding(50, 16)\nself.layer = nn.TransformerEncoderLayer(16, 2, 32)",
        "# x: (seq_len, batch)\nmask = x == 0\n"
        "return self.layer(self.embed(x), src_key_padding_mask=mask).mean(0)",
        ("20,8:int64<50",),
        "src_key_padding_mask=mask.transpose(0, 1)",
        "batch_first",
    ),
    "one entry of the steps shows that axis 0 is the batch": Broken(
        "self.lstm = nn.LSTM(12, 8)\nself.fc = nn.Linear(8, 2)",
        "h = torch.zeros(1, x.size(1), 8)\nout, _ = self.lstm(x, (h, h))\n"
        "return self.fc(out[:, -1, :])",
        ("16,10,12",),
        "nn.LSTM(12, 8, batch_first=True)",
    ),
    "a softmax that names no axis": Broken(
        "self.q = nn.Linear(16, 16)\nself.softmax = nn.Softmax()",
        "q = self.q(x)\nreturn torch.bmm(self.softmax(torch.bmm(q, q.transpose(1, 2))), x)",
        ("4,7,16",),
        "nn.Softmax(dim=2)",
    ),
    "rows of a table are no sequence": Broken(
        "self.lstm = nn.LSTM(12, 8, batch_first=True)\nself.fc = nn.Linear(8, 1)",
        "out, _ = self.lstm(x)\nreturn self.fc(out)",
        ("32,12",),
        "out, _ = self.lstm(x.unsqueeze(1))\n14 +         out = out.squeeze(1)\n",
        "batch_first=False",
    ),
    "rows of a table do not attend to each other": Broken(
        "self.layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)",
        "return self.layer(x)",
        ("32,12",),
        "self.layer(x.unsqueeze(1)).squeeze(1)",
        "batch_first=False",
    ),
    "one word for each sample": Broken(
        "self.embed = nn.Embedding(50, 16)\nself.gru = nn.GRU(16, 16)",
        "return self.gru(self.embed(x).view(1, 1, -1), h)[0][0]",
        ("8:int64<50", "1,8,16"),
        "self.gru(self.embed(x).unsqueeze(0), h)",
        "view(",
        given="x, h",
    ),
    "one word beside the state of each sample": Broken(
        "self.embed = nn.Embedding(50, 16)\nself.fc = nn.Linear(32, 4)",
        "e = self.embed(x).view(1, 1, -1)\nreturn self.fc(torch.cat((e[0], h[0]), 1))",
        ("8:int64<50", "1,8,16"),
        "e = self.embed(x).unsqueeze(0)",
        given="x, h",
    ),
    "one-hot rows are words again": Broken(
        "self.embed = nn.Embedding(50, 16)\nself.lstm = nn.LSTM(16, 8, batch_first=True)",
        "return self.lstm(self.embed(x))[0]",
        ("4,9,50:int64<2",),
        "self.embed(x.argmax(-1))",
    ),
    "a map cut into rows in front of a cell": Broken(
        "self.conv = nn.Conv2d(1, 8, 3, 2, 1)\nself.cell = nn.LSTMCell(8 * 3 * 3, 16)",
        "x = self.conv(x).view(-1, 8 * 3 * 3)\nreturn self.cell(x, (h, h))[0]",
        ("2,1,12,12", "2,16"),
        "self.conv(x).flatten(1)",
        given="x, h",
    ),
    "a level of fewer slices is resized, not joined elsewhere": Broken(
        "self.pool = nn.AvgPool3d(2)\nself.up = nn.ConvTranspose3d(4, 4, 2, 2)\n"
        "self.out = nn.Conv3d(8, 1, 1)",
        "y = self.up(self.pool(x))\nreturn self.out(torch.cat([y, x], dim=1))",
        ("1,4,5,16,16",),
        "F.interpolate(y, size=x.shape[2:])",
        "dim=2",
    ),
    "a picture is not padded to many times its size": Broken(
        "self.down = nn.ModuleList([nn.Conv2d(2, 2, 4, 2, 1) for _ in range(5)])\n"
        "self.up = nn.Upsample(scale_factor=32)",
        "for layer in self.down:\n    x = layer(x)\nreturn self.up(x)",
        ("1,2,16,16",),
        "feed at least 32 x 32",
        "in all 5",
    ),
    "a product is made larger where it is one": Broken(
        "self.a = nn.Linear(9, 2 * n)\nself.fc = nn.Linear(n * 2, 3)",
        "y = self.a(x)\nreturn self.fc(torch.cat([y, y], -1))",
        ("5,9",),
        "nn.Linear(n * 4, 3)",
        settings="n=16",
    ),
    "a depth that is not there": Broken(
        "self.rgb = nn.Conv2d(3, 4, 1)\nself.depth = nn.Conv2d(1, 4, 1)",
        "return self.rgb(x[:, :3]) + self.depth(x[:, 3:])",
        ("2,3,8,8",),
        "feed 4 channels: none is left behind the first 3: --input 2,4,8,8",
        "nn.Conv2d(0",
    ),
    "statistics of the steps, not of the channels": Broken(
        "self.conv = nn.Conv1d(6, 30, 3)\nself.fc = nn.Linear(60, 5)",
        "x = self.conv(x)\nreturn self.fc(torch.cat([x.mean(1), x.std(1)], 1))",
        ("4,6,22",),
        "torch.cat([x.mean(2), x.std(2)], 1)",
        "nn.Linear(40",
    ),
    "a norm of each sample": Broken(
        "self.fc = nn.Linear(9, 6)",
        "x = self.fc(x)\nreturn x / torch.norm(x)",
        ("8,9",),
        "torch.norm(x, dim=1, keepdim=True)",
    ),
    "as many steps as came with a sample": Broken(
        "self.steps = steps\nself.fc = nn.Linear(6, 4)",
        "x = x.flatten(0, 1)\nn = x.size(0) // self.steps\n"
        "return self.fc(x.view(n, self.steps, 6)).mean(1)",
        ("2,10,6",),
        "steps=10):",
        settings="steps=8",
    ),
    "a map that was turned is turned back, not projected": Broken(
        "self.a = nn.Conv1d(24, 48, 1)\nself.b = nn.Conv1d(48, 24, 1)",
        "return x + self.b(self.a(x.transpose(1, 2)))",
        ("4,10,24",),
        "self.b(self.a(x.transpose(1, 2))).transpose(1, 2)",
        "self.shortcut",
    ),
    "a state meets the steps of its samples": Broken(
        "self.lstm = nn.LSTM(2, 8, batch_first=True)\nself.a = nn.Linear(8, 8)",
        "out, (h, c) = self.lstm(x)\nreturn torch.tanh(out + self.a(h))",
        ("6,10,2",),
        "self.a(h).transpose(0, 1)",
    ),
    "rows that were floored are joined nowhere else": Broken(
        "self.fc = nn.Linear(12, 4)",
        "return self.fc(torch.cat([x[:, 0::2], x[:, 1::2]], -1))",
        ("1,7,8,6",),
        "cannot join 1 x 4 x 8 x 6 and 1 x 3 x 8 x 6",
        "help:",
    ),
    "groups are a power of two": Broken(
        "self.conv = nn.Conv2d(3, 48, 1)\nself.norm = nn.GroupNorm(32, 48)",
        "return self.norm(self.conv(x))",
        ("2,3,8,8",),
        "nn.GroupNorm(16, 48)",
    ),
}  # fmt: skip


def told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Broken,
    target: str = "",
    loss: str = "",
) -> str:
    """Everything that is said of a model."""
    monkeypatch.chdir(folder)
    (folder / "net.py").write_text(broken.source)
    result = run_trace(Request("net.py:Net", broken.inputs, target=target, loss=loss))
    return plain_text(diagnostics_lines(result.diagnostics, Surface(width=200)))


@pytest.mark.parametrize("name", POSTED)
def test_the_help(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = POSTED[name]
    text = told(tmp_path, monkeypatch, broken)
    helps = text[text.index("help:") :] if "help:" in text else text
    assert broken.wanted in helps, text
    assert broken.never not in helps, text


def test_steps_are_stacked_behind_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Broken(
        "self.cell = nn.GRUCell(3, 3)",
        "h = x[:, 0]\nsteps = []\nfor t in range(6):\n    h = self.cell(x[:, t], h)\n"
        "    steps.append(h)\nreturn torch.stack(steps)",
        ("8,6,3",),
        "",
    )
    text = told(tmp_path, monkeypatch, steps, target="8,6,3", loss="mse_loss")
    assert "return torch.stack(steps, dim=1)\n" in text


def test_scores_get_the_size_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = Broken(
        "self.a = nn.Conv2d(3, 8, 3, 8, 1)\nself.up = nn.ConvTranspose2d(8, 21, 16, 8, 4)",
        "x = self.a(x)\nreturn self.up(x)",
        ("2,3,60,44",),
        "",
    )
    text = told(tmp_path, monkeypatch, scores, target="2,60,44:int64<21", loss="cross_entropy")
    assert "13 +         size = x.shape[2:]\n" in text
    assert '14 ~         return F.interpolate(self.up(x), size=size, mode="bilinear")\n' in text


WORDS = {
    "cut 1 x 9 x 6 to rows of 12": (
        Broken("self.fc = nn.Linear(12, 2)", "return self.fc(x.reshape(x.size(0), -1, 12))",
               ("1,9,6",), ""),
        "= why: 9 * 6 = 54 a sample = 4 * 12 + 6: a rest is left",
    ),
    "twenty parts of one width": (
        Broken("self.fc = nn.Linear(63, 2)", "return self.fc(torch.cat([x] * 20, -1))",
               ("5,3",), ""),
        "= note: 60 = 20 * 3 joined by cat",
    ),
    "slices that were floored": (
        Broken("self.pool = nn.AvgPool3d(2)\nself.up = nn.ConvTranspose3d(4, 4, 2, 2)",
               "return torch.cat([self.up(self.pool(x)), x], dim=1)", ("1,4,5,16,16",), ""),
        "= note: 4 = 2 x 2 (5 floored); the skip is 5; 5 is not divisible by 2",
    ),
    "the block where a map is empty": (
        Broken("self.a = Block()\nself.b = Block()\nself.c = Block()",
               "x = self.b(self.a(x))\nreturn self.c(x)", ("1,2,4,4",), "",
               before="class Block(nn.Module):\n    def __init__(self):\n        super().__init__()"
               "\n        self.conv = nn.Conv2d(2, 2, 4, 2, 1)\n\n    def forward(self, x):\n"
               "        return self.conv(x)\n\n\n"),
        "--------- `c` gets 1 x 2 x 1 x 1",
    ),
    "a map that is no picture": (
        Broken("self.pad = nn.ZeroPad2d((0, 0, 3, 4))\nself.conv = nn.Conv2d(1, 4, 3)\n"
               "self.fc = nn.Linear(4 * 9 * 9, 2)",
               "x = self.conv(self.pad(x.permute(0, 3, 1, 2).flatten(2)[:, None]))\n"
               "return self.fc(x.flatten(1))", ("3,5,6,4",), "", "input gives"),
        "features",
    ),
    "a buffer is no shortcut": (
        Broken("self.fc = nn.Linear(6, 8)\nself.register_buffer('cos', torch.ones(40, 32))",
               "x = self.fc(x)\nreturn x * self.cos[:x.size(1)]", ("2,16,6",), "", "shortcut"),
        "------------------ `cos` is 40 x 32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_the_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, wanted = WORDS[name]
    text = told(tmp_path, monkeypatch, broken)
    assert wanted in text, text
    assert broken.never not in text


@pytest.mark.parametrize(
    "forward",
    [
        "return F.mse_loss(self.fc(x), torch.ones(1))",
        "return F.mse_loss(self.fc(x)[:, None], y[None], reduction='none').mean()",
        "return F.cross_entropy(self.fc(x), torch.zeros(8, dtype=torch.long))",
    ],
)
def test_other_pairs_are_meant(
    forward: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken("self.fc = nn.Linear(5, 1)", forward, ("8,5", "6,1"), "", given="x, y")
    assert "loss-broadcast" not in told(tmp_path, monkeypatch, broken)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_the_mean_over_a_time_in_front_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Broken(
        "self.attend = nn.MultiheadAttention(12, 2)",
        "# x: (seq_len, batch, features)\nreturn self.attend(x, x, x)[0].mean(0)",
        ("20,8,12",),
        "",
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(right.source)
    result = run_trace(Request("net.py:Net", right.inputs))
    assert [one for one in result.diagnostics if one.severity is not Severity.NOTE] == []
