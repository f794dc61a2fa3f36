"""The help is the small edit a teacher would make, not any edit with which the model runs.

Every model here once got another help, which ran as well and was wrong: features resized like
pixels, the mean over the wrong axis paid for by a narrower layer, every pool made a last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.session import Request, run_trace

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\n"


@dataclass(frozen=True)
class Broken:
    """A model: its layers, its forward, what it is fed, what the help writes and what never."""

    layers: str
    forward: str
    inputs: tuple[str, ...]
    wanted: str
    never: str = "\0"
    given: str = "x"
    settings: str = ""
    before: str = ""

    @property
    def source(self) -> str:
        """The file."""
        lines = [f"        {line}" for line in self.layers.strip().split("\n")]
        steps = [f"        {line}" for line in self.forward.strip().split("\n")]
        named = f", {self.settings}" if self.settings else ""
        return HEAD + self.before + "\n".join(
            [
                "class Net(nn.Module):",
                f"    def __init__(self{named}):",
                "        super().__init__()",
                *lines,
                "",
                f"    def forward(self, {self.given}):",
                *steps,
                "",
            ]
        )  # fmt: skip


BROKEN = {
    "a flattened map beside a class token is turned, not resized": Broken(
        "self.patch = nn.Conv2d(3, 96, 4, 4)\nself.cls = nn.Parameter(torch.zeros(1, 1, 96))\n"
        "self.head = nn.Linear(96, 10)",
        "x = self.patch(x).flatten(2)\ncls = self.cls.expand(x.size(0), -1, -1)\n"
        "return self.head(torch.cat([cls, x], dim=1))",
        ("2,3,32,32",),
        "torch.cat([cls, x.transpose(1, 2)], dim=1)",
        "interpolate",
    ),
    "a width that has a name is named": Broken(
        "self.emb = nn.Embedding(500, dim)\n"
        "self.lstm = nn.LSTM(hidden, hidden, batch_first=True)\nself.fc = nn.Linear(hidden, 6)",
        "out, _ = self.lstm(self.emb(x))\nreturn self.fc(out[:, -1])",
        ("4,9:int64<500",),
        "nn.LSTM(dim, hidden, batch_first=True)",
        "hidden=300",
        settings="dim=300, hidden=128",
    ),
    "a name that fits one of two blocks by chance is not taken": Broken(
        "self.one = Fire(32, 8, 32)\nself.two = Fire(32, 16, 64)",
        "return self.two(self.one(x))",
        ("2,32,8,8",),
        "self.two = Fire(64, 16, 64)",
        "nn.Conv2d(expand",
        before=(
            "class Fire(nn.Module):\n    def __init__(self, inp, squeeze, expand):\n"
            "        super().__init__()\n        self.s = nn.Conv2d(inp, squeeze, 1)\n"
            "        self.a = nn.Conv2d(squeeze, expand, 1)\n"
            "        self.b = nn.Conv2d(squeeze, expand, 3, padding=1)\n\n"
            "    def forward(self, x):\n        x = self.s(x)\n"
            "        return torch.cat([self.a(x), self.b(x)], 1)\n\n\n"
        ),
    ),
    "heads that were joined are counted": Broken(
        "self.heads = nn.ModuleList([nn.Linear(64, size) for _ in range(count)])\n"
        "self.proj = nn.Linear(width, width)",
        "return self.proj(torch.cat([head(x) for head in self.heads], dim=-1))",
        ("2,5,64",),
        "nn.Linear(count * size, width)",
        settings="width=64, count=4, size=32",
    ),
    "the mean over the features is moved to the words": Broken(
        "self.emb = nn.Embedding(300, d)\nself.fc = nn.Linear(d, 2)",
        "x = self.emb(x).mean(dim=2)\nreturn self.fc(x)",
        ("8,25:int64<300",),
        "self.emb(x).mean(dim=1)",
        "d=25",
        settings="d=64",
    ),
    "one pool of a loop is not made the last": Broken(
        "layers, width = [], 3\nfor v in (8, 'M', 8, 'M', 8, 'M', 8, 'M', 8, 'M'):\n"
        "    if v == 'M':\n        layers.append(nn.MaxPool2d(2, 2))\n    else:\n"
        "        layers.append(nn.Conv2d(width, v, 3, padding=1))\n        width = v\n"
        "self.features = nn.Sequential(*layers)\nself.fc = nn.Linear(8, 10)",
        "return self.fc(self.features(x).flatten(1))",
        ("2,3,16,16",),
        "F.interpolate(x, size=(32, 32))",
        "Adaptive",
    ),
    "a factor for each channel goes to the channels of a square map": Broken(
        "self.fc = nn.Linear(16, 16)",
        "s = self.fc(x.mean((2, 3)))\nreturn x * s",
        ("2,16,16,16",),
        "x * s[:, :, None, None]",
        "s[:, None, None, :]",
    ),
    "labels beside noise of 1 x 1 get its axes": Broken(
        "self.up = nn.ConvTranspose2d(110, 8, 4)",
        "return self.up(torch.cat([x, labels], dim=1))",
        ("4,100,1,1", "4,10"),
        "labels[:, :, None, None]",
        "flatten",
        given="x, labels",
    ),
    "a transposed convolution ends where its skip does": Broken(
        "self.enc = nn.Conv2d(1, 8, 3, padding=1)\nself.down = nn.MaxPool2d(2)\n"
        "self.mid = nn.Conv2d(8, 16, 3, padding=1)\n"
        "self.up = nn.ConvTranspose2d(16, 8, 3, stride=2)\nself.out = nn.Conv2d(16, 1, 1)",
        "e = self.enc(x)\nu = self.up(self.mid(self.down(e)))\n"
        "return self.out(torch.cat((e, u), dim=1))",
        ("1,1,32,32",),
        "nn.ConvTranspose2d(16, 8, 2, stride=2)",
        "F.pad",
    ),
    "every convolution that eats is padded": Broken(
        "self.a = nn.Conv2d(8, 8, 3)\nself.b = nn.Conv2d(8, 8, 3)",
        "return x + self.b(self.a(x))",
        ("1,8,20,20",),
        "self.a = nn.Conv2d(8, 8, 3, padding=1)",
    ),
    "a factor of a resize is set, not another resize put inside": Broken(
        "self.a = nn.Conv2d(3, 4, 3, stride=4, padding=1)\n"
        "self.b = nn.Conv2d(4, 3, 1)",
        "return F.interpolate(self.b(self.a(x)), scale_factor=8)",
        ("2,3,64,64",),
        "scale_factor=4",
        "F.interpolate(F.interpolate",
    ),
    "tokens of a flattened map are turned": Broken(
        "self.proj = nn.Linear(256, 128)",
        "x = x.flatten(2)\nreturn self.proj(x)",
        ("3,256,7,7",),
        "self.proj(x.transpose(1, 2))",
        "nn.Linear(7 * 7",
    ),
    "the last step of a sequence with channels first": Broken(
        "self.conv = nn.Conv1d(5, 24, 3, padding=1)\nself.fc = nn.Linear(24, 1)",
        "x = self.conv(x)[:, -1, :]\nreturn self.fc(x)",
        ("8,5,60",),
        "self.conv(x)[:, :, -1]",
        "nn.Linear(60",
    ),
    "channels last before a pool": Broken(
        "self.pool = nn.AdaptiveAvgPool2d(1)\nself.fc = nn.Linear(512, 10)",
        "x = self.pool(x)\nreturn self.fc(x.flatten(1))",
        ("4,7,7,512",),
        "self.pool(x.permute(0, 3, 1, 2))",
        "nn.Linear(7,",
    ),
    "a batch norm behind a convolution counts its channels": Broken(
        "self.conv = nn.Conv2d(3, 64, 3, padding=1)\nself.norm = nn.BatchNorm2d(32)",
        "return self.norm(self.conv(x))",
        ("4,3,32,32",),
        "nn.BatchNorm2d(64)",
        "unflatten",
    ),
    "an index beside all is an index of each level": Broken(
        "self.pool = nn.MaxPool2d(2, return_indices=True)\nself.unpool = nn.MaxUnpool2d(2)",
        "x, first = self.pool(x)\nx, second = self.pool(x)\n"
        "return self.unpool(self.unpool(x, first), second)",
        ("2,4,16,16",),
        "self.unpool(x, second)",
    ),
    "a transposed matrix for scores of each with each": Broken(
        "self.a = nn.Linear(64, 32)\nself.b = nn.Linear(48, 32)",
        "return self.a(x) @ self.b(y)",
        ("8,64", "8,48"),
        "self.b(y).transpose(-2, -1)",
        given="x, y",
    ),
    "positions as wide as the words": Broken(
        "self.tok = nn.Embedding(60, d)\nself.pos = nn.Embedding(64, d // 2)",
        "return self.tok(x) + self.pos(torch.arange(x.size(1)))[None]",
        ("3,40:int64<60",),
        "nn.Embedding(64, d)",
        settings="d=48",
    ),
    "parts of two widths are joined, not stacked": Broken(
        "self.a = nn.Linear(16, 1)\nself.b = nn.Linear(16, 2)",
        "return torch.stack([self.a(x), self.b(x)], dim=1)",
        ("8,16",),
        "torch.cat([self.a(x), self.b(x)], dim=1)",
        "nn.Linear(16, 1)  (",
    ),
    "a column of the loss's own targets": Broken(
        "self.fc = nn.Linear(9, 4)",
        "return F.cross_entropy(self.fc(x), y)",
        ("8,9", "8,1:int64<4"),
        "F.cross_entropy(self.fc(x), y.squeeze(1))",
        given="x, y",
    ),
}  # fmt: skip

LOSSES = {"a factor of a resize is set, not another resize put inside": ("2,3,64,64", "mse_loss")}


@pytest.mark.parametrize("name", BROKEN)
def test_the_help_is_the_small_edit(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BROKEN[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(broken.source)
    target, loss = LOSSES.get(name, ("", ""))
    request = Request("net.py:Net", broken.inputs, target=target, loss=loss)
    result = run_trace(request)
    text = plain_text(diagnostics_lines(result.diagnostics, Surface(width=200)))
    helps = text[text.index("help:") :] if "help:" in text else text
    assert broken.wanted in helps, text
    assert broken.never not in helps, text
