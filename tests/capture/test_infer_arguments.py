"""Inputs for forwards of every signature, found by reading what the source does with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.capture.inferring.infer import infer_for, plausible_inputs
from shapescope.capture.inferring.own_inputs import own_inputs
from shapescope.capture.input_spec import format_input
from shapescope.capture.loader import load
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

class Net(nn.Module):
    def __init__(self):
        super().__init__()
"""


def written(layers: str, forward: str, *more: str) -> str:
    """The text of a model with these layers, a line each, and this forward."""
    lines = [f"        {line}" for line in layers.splitlines()]
    body = [f"    {line}" for part in (forward, *more) for line in part.splitlines()]
    return HEAD + "\n".join([*lines, *body]) + "\n"


def found(folder: Path, text: str, spec: str = "net.py") -> list[str]:
    (folder / "net.py").write_text(text)
    loaded = load(spec)
    inferred = infer_for(loaded)
    assert inferred is not None
    assert inferred.fits
    trace = trace_model(loaded, inferred.inputs).trace
    assert trace.failure is None
    return [format_input(spec) for spec in inferred.inputs]


CASES = {
    "keyword only": (
        "self.fc = nn.Linear(20, 5)",
        "def forward(self, *, features, scale=2.0):\n    return self.fc(features) * scale",
        ["features=1,20"],
    ),
    "any keywords": (
        "self.fc = nn.Linear(8, 5)\nself.emb = nn.Embedding(9, 5)",
        "def forward(self, **batch):\n    return self.fc(batch['x']) + self.emb(batch.get('ids'))",
        ["x=1,16,8", "ids=1,16:int64<9"],
    ),
    "a dict": (
        "self.user = nn.Linear(10, 4)\nself.item = nn.Linear(6, 4)",
        "def forward(self, batch):\n    return self.user(batch['a']) + self.item(batch['b'])",
        ["batch.a=1,10", "batch.b=1,6"],
    ),
    "a list of maps": (
        "self.lat = nn.ModuleList(nn.Conv2d(c, 8, 1) for c in (16, 32))",
        ("def forward(self, maps):\n"
        "    a, b = [layer(x) for layer, x in zip(self.lat, maps)]\n"
        "    return a + F.interpolate(b, scale_factor=2)"),
        ["[1,16,32,32]", "[1,32,16,16]"],
    ),
    "plain values": (
        "self.cell = nn.GRUCell(8, 8)",
        ("def forward(self, x, steps: int, training: bool, h: float):\n"
        "    for _ in range(steps):\n        x = self.cell(x) * h\n"
        "    return F.dropout(x, training=training)"),
        ["1,8", "steps:=4", "training:=false", "h:=1.0"],
    ),
    "values that the source shows": (
        "self.fc = nn.Linear(8, 8)",
        ("def forward(self, x, rounds, deep):\n"
        "    for _ in range(rounds):\n        x = self.fc(x)\n"
        "    if deep:\n        x = self.fc(x)\n    return x"),
        ["1,8", "rounds:=4", "deep:=false"],
    ),
    "layers in another order": (
        "self.time = nn.Linear(32, 32)\nself.conv = nn.Conv2d(5, 32, 3)",
        ("def forward(self, x, timesteps):\n"
        "    t = torch.cos(timesteps[:, None].float() * torch.ones(32))\n"
        "    return self.conv(x) + self.time(t)[:, :, None, None]"),
        ["1,5,32,32", "1:int64<10"],
    ),
    "rows of tables": (
        "self.user_table = nn.Embedding(1000, 4)\nself.item_table = nn.Embedding(50, 4)",
        ("def forward(self, user_ids, item_ids):\n"
        "    return (self.user_table(user_ids) * self.item_table(item_ids)).sum(-1)"),
        ["1:int64<1000", "1:int64<50"],
    ),
    "columns of tables": (
        ("self.tables = nn.ModuleList(nn.Embedding(n, 4) for n in (10, 7, 3))\n"
        "self.norm = nn.BatchNorm1d(5)"),
        ("def forward(self, x_cat, x_num):\n"
        "    parts = [table(x_cat[:, i]) for i, table in enumerate(self.tables)]\n"
        "    return torch.cat([*parts, self.norm(x_num)], 1)"),
        ["1,3:int64<3", "1,5"],
    ),
    "features cut in two": (
        "self.net = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1))",
        "def forward(self, x, t):\n    return self.net(torch.cat([x, t], 1))",
        ["1,3", "1,3"],
    ),
    "an odd number of features": (
        "self.net = nn.Linear(7, 4)",
        "def forward(self, state, action):\n    return self.net(torch.cat([state, action], -1))",
        ["1,6", "1,1"],
    ),
    "channels cut in two": (
        "self.net = nn.Conv2d(6, 4, 3)",
        "def forward(self, a, b):\n    return self.net(torch.cat((a, b), dim=1))",
        ["1,3,32,32", "1,3,32,32"],
    ),
    "two pictures with one flattened size": (
        "self.conv = nn.Conv2d(1, 8, 3)\nself.fc = nn.Linear(8 * 49 * 49, 5)",
        ("def forward(self, a, b):\n    return self.once(a) - self.once(b)\n"
        "def once(self, x):\n"
        "    return self.fc(F.max_pool2d(self.conv(x), 2).flatten(1))"),
        ["1,1,100,100", "1,1,100,100"],
    ),
    "nodes and edges": (
        "self.msg = nn.Linear(12, 6)",
        ("def forward(self, x, edge_index):\n    src, dst = edge_index\n"
        "    m = self.msg(torch.cat([x[src], x[dst]], -1))\n"
        "    return torch.zeros_like(x).index_add_(0, dst, m)"),
        ["16,6", "2,32:int64<16"],
    ),
    "lengths": (
        "self.emb = nn.Embedding(50, 8)\nself.rnn = nn.LSTM(8, 8, batch_first=True)",
        ("def forward(self, text, lengths):\n"
        "    packed = pack_padded_sequence(self.emb(text), lengths.cpu(), batch_first=True,\n"
        "                                  enforce_sorted=False)\n"
        "    return self.rnn(packed)[1][0][-1]"),
        ["1,16:int64<50", "1:int64<17"],
    ),
    "sound": (
        "self.conv = nn.Conv2d(1, 4, 3)",
        ("def forward(self, waveform):\n"
        "    spec = torch.stft(waveform, 512, return_complex=True).abs()\n"
        "    return self.conv(spec[:, None])"),
        ["1,16000"],
    ),
    "channels last": (
        "self.lift = nn.Linear(3, 20)\nself.conv = nn.Conv2d(20, 4, 1)",
        "def forward(self, x):\n    return self.conv(self.lift(x).permute(0, 3, 1, 2))",
        ["1,32,32,3"],
    ),
    "axes that are unpacked": (
        "self.fc = nn.Linear(6, 6)",
        "def forward(self, x):\n    b, t, h, d = x.shape\n    return self.fc(x)",
        ["1,32,32,6"],
    ),
    "a batch of one that hides a missing axis": (
        "self.fc = nn.Linear(7, 32)\nself.pos = nn.Parameter(torch.zeros(1, 50, 32))",
        "def forward(self, x):\n    return self.fc(x) + self.pos[:, : x.size(1)]",
        ["1,16,7"],
    ),
    "a lazy layer": (
        "self.conv = nn.LazyConv2d(4, 3)",
        "def forward(self, x):\n    return self.conv(x)",
        ["1,3,224,224"],
    ),
    "several of one kind": (
        "self.fc = nn.Linear(8, 4)",
        "def forward(self, *xs):\n    return torch.cat([self.fc(x) for x in xs], -1)",
        ["1,8"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_forward_tells_what_it_takes(in_folder: Path, case: str) -> None:
    layers, forward, expected = CASES[case]
    assert found(in_folder, written(layers, forward)) == expected


def test_what_must_be_given_by_name_is(in_folder: Path) -> None:
    text = written(
        "self.fc = nn.Linear(8, 4)",
        "def forward(self, x, rounds: int, y):\n    return self.fc(x) + self.fc(y) * rounds",
    )
    assert found(in_folder, text) == ["1,8", "rounds:=4", "y=1,8"]


@pytest.mark.parametrize("spec", ["net.py:Net(image_size=40)", "net.py:Net"])
def test_the_size_in_the_constructor_is_tried_first(in_folder: Path, spec: str) -> None:
    text = written(
        "self.patch = nn.Conv2d(3, 8, 8, 8)\n"
        "self.table = nn.Parameter(torch.zeros(1, (image_size // 8) ** 2, 8))",
        "def forward(self, x):\n    return self.patch(x).flatten(2).transpose(1, 2) + self.table",
    ).replace("__init__(self)", "__init__(self, image_size=72)")
    size = 40 if "40" in spec else 72
    assert found(in_folder, text, spec) == [f"1,3,{size},{size}"]


def test_a_pattern_of_einops_is_read(in_folder: Path) -> None:
    layers = """
class Rearrange(nn.Module):
    def __init__(self, pattern, **lengths):
        super().__init__()
        self.pattern, self.axes_lengths = pattern, lengths
    def forward(self, x):
        p = self.axes_lengths['p1']
        b, c, h, w = x.shape
        x = x.view(b, c, h // p, p, w // p, p)
        return x.permute(0, 2, 4, 3, 5, 1).reshape(b, -1, p * p * c)
"""
    text = written(
        "self.patch = nn.Sequential(Rearrange('b c (h p1) (w p2) -> b (h w) (p1 p2 c)',"
        " p1=4, p2=4), nn.LayerNorm(80), nn.Linear(80, 8))",
        "def forward(self, img):\n    return self.patch(img)",
    ).replace("class Net", layers + "class Net")
    assert found(in_folder, text) == ["1,5,224,224"]


def test_what_fits_nothing_still_has_something_plausible(in_folder: Path) -> None:
    text = written(
        "self.conv = nn.Conv2d(3, 4, 3)\nself.emb = nn.Embedding(9, 4)",
        "def forward(self, image, words):\n"
        "    raise ValueError(self.conv(image).shape, self.emb(words).shape)",
    )
    (in_folder / "net.py").write_text(text)
    assert infer_for(load("net.py")) is None
    module = load("net.py").build().module
    shown = [format_input(spec) for spec in plausible_inputs(module)]
    assert shown == ["1,3,224,224", "1,16:int64<9"]


PATCHES = """
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 1, 3, 5)
    return self.fc(x.reshape(n, -1, 16 * c))
"""
KINDS = {
    "patches that are cut by hand": (
        "self.fc = nn.Linear(48, 5)",
        "def forward(self, x):" + PATCHES,
        "net.py:Net",
        ["1,3,224,224"],
    ),
    "patches of one channel": (
        "self.fc = nn.Linear(16, 5)",
        "def forward(self, x):" + PATCHES,
        "net.py:Net",
        ["1,1,28,28"],
    ),
    "patches in front of a Sequential": (
        "self.fc = nn.Linear(48, 5)",
        "def forward(self, x):" + PATCHES,
        "net.py:made",
        ["1,3,224,224"],
    ),
    "a spectrum": (
        "self.fc = nn.Linear(129, 5)",
        (
            "def forward(self, x):\n"
            "    s = torch.stft(x, 256, return_complex=True).abs()\n"
            "    return self.fc(s.transpose(1, 2))"
        ),
        "net.py:Net",
        ["1,16000"],
    ),
    "an imaginary part in a layer": (
        "self.inner = Part()",
        "def forward(self, x):\n    return self.inner(x)",
        "net.py:Net",
        ["1,6:complex64"],
    ),
    "a token of each sample": (
        "self.emb = nn.Embedding(9, 4)\nself.rnn = nn.GRU(4, 6)",
        (
            "def forward(self, x, hidden):\n"
            "    return self.rnn(self.emb(x).view(1, x.size(0), 4), hidden)"
        ),
        "net.py:Net",
        ["1:int64<9", "1,1,6"],
    ),
    "a table that rows are multiplied with": (
        "self.w = nn.Parameter(torch.ones(20, 3))",
        "def forward(self, x, adj):\n    return adj @ torch.mm(x, self.w)",
        "net.py:Net",
        ["16,20", "16,16"],
    ),
}
PART = """
class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 2)
    def forward(self, z):
        return self.fc(z.real) + self.fc(z.imag)
"""


@pytest.mark.parametrize("case", KINDS)
def test_what_a_forward_does_with_it_tells(in_folder: Path, case: str) -> None:
    layers, forward, spec, expected = KINDS[case]
    text = written(layers, forward) + PART + "made = nn.Sequential(Net(), nn.ReLU())\n"
    assert found(in_folder, text, spec) == expected


def test_a_record_is_asked_for(in_folder: Path) -> None:
    text = written(
        "self.fc = nn.Linear(6, 2)", "def forward(self, x):\n    return self.fc(x.image)"
    )
    (in_folder / "net.py").write_text(text)
    with pytest.raises(ShapescopeError) as refused:
        own_inputs(load("net.py"))
    assert str(refused.value) == "net.py needs an input: forward asks `x` for `.image`"
    assert refused.value.diagnostic.help[0].message == (
        "return one from a function, and name that: --input @file.py:function"
    )


def test_a_map_of_another_rank_ends_the_search_for_its_sizes(in_folder: Path) -> None:
    text = written(
        "self.conv = nn.Conv2d(6, 4, 1)\nself.fc = nn.Linear(35, 2)",
        (
            "def forward(self, x):\n"
            "    x = x.flatten(2).unsqueeze(1)\n"
            "    return self.fc(self.conv(torch.cat([x, x], 1)).flatten(1))"
        ),
    )
    (in_folder / "net.py").write_text(text)
    inferred = infer_for(load("net.py"))
    assert inferred is not None
    assert not inferred.fits
    assert inferred.how.endswith("where the model takes another, give it with --input")
