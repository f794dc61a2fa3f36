# ruff: noqa: E501
"""What is said of layers that are lost, left out or misspelled: whole texts, and silence."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from shapescope import source_text, trace
from shapescope.cli.app import run
from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.session import Request, run_trace

Say = Callable[..., str]

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\n"


def net(init: str, forward: str) -> str:
    """A file with one model of these lines."""
    lines = [
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *(f"        {line}" for line in init.splitlines()),
        "",
        "    def forward(self, x):",
        *(f"        {line}".rstrip() for line in forward.splitlines()),
    ]
    return HEAD + "\n".join(lines) + "\n"


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(tmp_path)

    def say(text: str, *inputs: str) -> str:
        Path("net.py").write_text(text)
        result = run_trace(Request("net.py:Net", inputs))
        return plain_text(diagnostics_lines(result.diagnostics, Surface()))

    return say


LOST = net(
    "self.conv1 = nn.Conv2d(3, 6, 3)\n"
    "self.conv2 = nn.Conv2d(6, 16, 3)\n"
    "self.conv2 = nn.Conv2d(16, 32, 3)",
    "x = self.conv2(self.conv1(x))\nreturn self.conv3(x)",
)

LOST_TEXT = """\
error[layer-assigned-twice]: `conv2` is assigned twice, and the first layer is lost
  --> net.py:11:22 in Net.__init__
   |
10 |         self.conv2 = nn.Conv2d(6, 16, 3)
   |                      ------------------- this one is gone
11 |         self.conv2 = nn.Conv2d(16, 32, 3)
   |                      ^^^^^^^^^^^^^^^^^^^^ this one is called `conv2`
   |
   = note: a name holds one layer: the second takes the place of the first
   = note: `forward` calls `self.conv3`, which nothing makes
help: call the second one `conv3` (changes the shape of conv2.weight; verified)
11 ~         self.conv3 = nn.Conv2d(16, 32, 3)
"""

LEFT_OUT = net(
    "self.fc1 = nn.Linear(8, 8)\nself.fc2 = nn.Linear(8, 8)\nself.drop = nn.Dropout(0.5)",
    "x = F.relu(self.fc1(x))\nreturn self.fc1(x)",
)

LEFT_OUT_TEXT = """\
note[layer-never-called]: `fc2` and `drop` are never called
  --> net.py:10:20 in Net.__init__
   |
10 |         self.fc2 = nn.Linear(8, 8)
   |                    ^^^^^^^^^^^^^^^ `fc2` is made here
11 |         self.drop = nn.Dropout(0.5)
   |                     --------------- `drop`
   |
   = note: in this mode and with these inputs; their 72 parameters get no gradient
   = note: `fc1` is called in lines 14 and 15
"""

MISSPELLED = net("self.conv1 = nn.Conv2d(3, 6, 3)", "return self.cov1(x)")

MISSPELLED_TEXT = """\
error[unknown-name]: `Net` has no attribute `cov1`
  --> net.py:12:16 in Net.forward
   |
12 |         return self.cov1(x)
   |                ^^^^^^^^^ nothing sets `self.cov1`
  ::: net.py:9:22 in Net.__init__
   |
 9 |         self.conv1 = nn.Conv2d(3, 6, 3)
   |                      ------------------ `conv1` is made here
   |
   = note: the layers of `Net` are conv1
help: call it `self.conv1`  (verified)
12 ~         return self.conv1(x)
"""

WITHOUT_SELF = net("self.fc = nn.Linear(8, 4)", "return fc(x)")

WITHOUT_SELF_TEXT = """\
error[unknown-name]: `fc` is not defined
  --> net.py:12:16 in Net.forward
   |
12 |         return fc(x)
   |                ^^ nothing called `fc` is in reach here
  ::: net.py:9:19 in Net.__init__
   |
 9 |         self.fc = nn.Linear(8, 4)
   |                   --------------- `self.fc` is made here
   |
   = note: `fc` belongs to the module: inside its methods it is `self.fc`
help: say `self.fc`  (verified)
12 ~         return self.fc(x)
"""

NOT_A_METHOD = net("self.fc = nn.Linear(8, 4)", "return self.fc(x).sofmax(1)")

NOT_A_METHOD_TEXT = """\
error[unknown-name]: `self.fc(x)` has no attribute `sofmax`
  --> net.py:12:16 in Net.forward
   |
12 |         return self.fc(x).sofmax(1)
   |                ^^^^^^^^^^^^^^^^^ nothing is called `sofmax` there
help: call it `softmax`  (verified)
12 ~         return self.fc(x).softmax(1)
"""

NOT_IMPORTED = net("self.fc = nn.Linear(8, 4)", "return F.relu(self.fc(x))").replace(
    "import torch.nn.functional as F\n", ""
)

NOT_IMPORTED_TEXT = """\
error[unknown-name]: `F` is not defined
  --> net.py:11:16 in Net.forward
   |
11 |         return F.relu(self.fc(x))
   |                ^ nothing called `F` is in reach here
   |
   = note: no line of net.py imports or sets `F`
help: import torch.nn.functional as F  (verified)
 3 + import torch.nn.functional as F
"""

TWO_GIVEN = net("self.fc = nn.Linear(8, 4)\nself.act = Half()", "return self.act(x, x)") + (
    "\n\nclass Half(nn.Module):\n    def forward(self, x):\n        return x / 2\n"
)

TWO_GIVEN_TEXT = """\
error[input-count]: `act` takes 1 input (x), but 2 are given
  --> net.py:13:16 in Net.forward
   |
13 |         return self.act(x, x)
   |                ^^^^^^^^^^^^^^ nothing comes after `x`
  ::: net.py:17:5 in Half.forward
   |
17 |     def forward(self, x):
   |     ----------- its forward
"""

ONE_MISSING = net("self.fc = nn.Linear(8, 4)", "return self.fc(x) + y").replace(
    "(self, x)", "(self, x, y)"
)

ONE_MISSING_TEXT = """\
error[input-count]: forward takes 2 inputs (x, y), but 1 is given
  --> net.py:11:5 in Net.forward
   |
11 |     def forward(self, x, y):
   |     ^^^^^^^^^^^ `y` is missing
   |
   = note: fed is x of 2 x 8
help: give each input its shape: --input 2,8 --input y=SHAPE
"""

NO_RETURN = net("self.fc = nn.Linear(8, 4)", "x = self.fc(x)")

NO_RETURN_TEXT = """\
error[returned-nothing]: forward returns nothing
  --> net.py:12:9 in Net.forward
   |
12 |         x = self.fc(x)
   |         ^^^^^^^^^^^^^^ its last line, and no `return`
   |
   = note: a function without `return` gives None
help: return x  (verified)
13 +         return x
"""

NO_TENSOR = net("self.fc = nn.Linear(8, 4)", "return self.fc(x).shape")

NO_TENSOR_TEXT = """\
warning[returned-nothing]: forward returns no tensor
  --> net.py:12:9 in Net.forward
   |
12 |         return self.fc(x).shape
   |         ^^^^^^^^^^^^^^^^^^^^^^^ no tensor comes out here
   |
   = note: numbers and text carry no gradient, and their shape cannot be checked
"""

NAMED_OTHERWISE = net("self.fc = nn.Linear(8, 4)", "return self.fc(x)").replace("forward", "foward")

NAMED_OTHERWISE_TEXT = """\
error[forward-missing]: `Net` has no forward
  --> net.py:11:9 in Net.foward
   |
11 |     def foward(self, x):
   |         ^^^^^^ `foward` is never called
   |
   = note: torch calls the method that is named `forward`
help: name it `forward`  (verified)
11 ~     def forward(self, x):
"""

TOO_DEEP = net("self.fc = nn.Linear(8, 4)", "x = self.fc(x)\n\nreturn x").replace(
    "\n    def forward(self, x):\n        x = self.fc(x)\n\n        return x",
    "\n        def forward(self, x):\n            x = self.fc(x)\n\n            return x",
)

TOO_DEEP_TEXT = """\
error[forward-missing]: `Net` has no forward
  --> net.py:11:13 in Net.__init__.forward
   |
11 |         def forward(self, x):
   |             ^^^^^^^ this is no method of the class: it stands inside `__init__`
   |
   = note: torch calls the method that is named `forward`
help: move it out of `__init__`, to the depth of a method  (verified)
11 ~     def forward(self, x):
12 ~         x = self.fc(x)
14 ~         return x
"""

CLASS_UNKNOWN = net("self.conv = nn.Conv2D(3, 6, 3)", "return self.conv(x)")

CLASS_UNKNOWN_TEXT = """\
error[constructor]: `nn` has no `Conv2D`
 --> net.py:9:21 in Net.__init__
  |
9 |         self.conv = nn.Conv2D(3, 6, 3)
  |                     ^^^^^^^^^ nothing is called `Conv2D` there
help: call it `nn.Conv2d`  (verified)
9 ~         self.conv = nn.Conv2d(3, 6, 3)
"""

CLASS_BARE = net("self.fc = Linear(8, 4)", "return self.fc(x)")

CLASS_BARE_TEXT = """\
error[constructor]: `Linear` is not defined
 --> net.py:9:19 in Net.__init__
  |
9 |         self.fc = Linear(8, 4)
  |                   ^^^^^^ nothing is called `Linear` there
help: torch.nn has one: write nn.Linear, or import it
"""

KEYWORD = net("self.conv = nn.Conv2d(3, 6, kernal_size=3)", "return self.conv(x)")

KEYWORD_TEXT = """\
error[constructor]: `nn.Conv2d` takes no `kernal_size`
 --> net.py:9:37 in Net.__init__
  |
9 |         self.conv = nn.Conv2d(3, 6, kernal_size=3)
  |                                     ^^^^^^^^^^^ no argument of it
  |
  = note: it takes in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
          padding_mode, device, dtype
help: call it `kernel_size`  (verified)
9 ~         self.conv = nn.Conv2d(3, 6, kernel_size=3)
"""

TOO_FEW = net("self.conv = nn.Conv2d(3, 6)", "return self.conv(x)")

TOO_FEW_TEXT = """\
error[constructor]: `nn.Conv2d` needs `kernel_size`
 --> net.py:9:21 in Net.__init__
  |
9 |         self.conv = nn.Conv2d(3, 6)
  |                     ^^^^^^^^^^^^^^^ `kernel_size` left out
  |
  = note: it takes in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
          padding_mode, device, dtype
"""

HEADS = net("self.att = nn.MultiheadAttention(dim, heads)", "return self.att(x, x, x)[0]").replace(
    "(self):", "(self, dim=100, heads=8):"
)

HEADS_TEXT = """\
error[constructor]: `nn.MultiheadAttention` refuses its numbers: embed_dim (100) must be divisible by num_heads (8)
 --> net.py:9:20 in Net.__init__
  |
9 |         self.att = nn.MultiheadAttention(dim, heads)
  |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = why: 100 = 12 * 8 + 4
  = note: embed_dim = 100 divides by 1, 2, 4, 5, 10, 20, 25, 50, ...
help: num_heads=10  (verified)
7 ~     def __init__(self, dim=100, heads=10):
"""

GROUPS = net("self.conv = nn.Conv2d(3, 4, 3, groups=2)", "return self.conv(x)")

GROUPS_TEXT = """\
error[constructor]: `nn.Conv2d` refuses its numbers: in_channels (3) must be divisible by groups (2)
 --> net.py:9:21 in Net.__init__
  |
9 |         self.conv = nn.Conv2d(3, 4, 3, groups=2)
  |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = why: 3 = 1 * 2 + 1
  = note: in_channels = 3 divides by 1, 3
help: groups=1  (verified)
9 ~         self.conv = nn.Conv2d(3, 4, 3, groups=1)
"""

ONE_NUMBER = net("self.fc = nn.Linear(10)", "return self.fc(x)")

ONE_NUMBER_TEXT = """\
error[constructor]: `nn.Linear` needs `out_features`
 --> net.py:9:19 in Net.__init__
  |
9 |         self.fc = nn.Linear(10)
  |                   ^^^^^^^^^^^^^ `out_features` left out
  |
  = note: it takes in_features, out_features, bias, device, dtype
"""

NEGATIVE = net("self.conv = nn.Conv2d(-3, 4, 3, groups=2)", "return self.conv(x)")

NEGATIVE_TEXT = """\
error[constructor]: `nn.Conv2d` refuses its numbers: in_channels must be divisible by groups
 --> net.py:9:21 in Net.__init__
  |
9 |         self.conv = nn.Conv2d(-3, 4, 3, groups=2)
  |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = why: in_channels = -3, out_channels = 4, groups = 2
"""


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        (NAMED_OTHERWISE, "2,8", NAMED_OTHERWISE_TEXT),
        (TOO_DEEP, "2,8", TOO_DEEP_TEXT),
        (CLASS_UNKNOWN, "2,3,8,8", CLASS_UNKNOWN_TEXT),
        (CLASS_BARE, "2,8", CLASS_BARE_TEXT),
        (KEYWORD, "2,3,8,8", KEYWORD_TEXT),
        (TOO_FEW, "2,3,8,8", TOO_FEW_TEXT),
        (HEADS, "4,2,100", HEADS_TEXT),
        (GROUPS, "2,3,8,8", GROUPS_TEXT),
        (ONE_NUMBER, "2,10", ONE_NUMBER_TEXT),
        (NEGATIVE, "2,3,8,8", NEGATIVE_TEXT),
        (LOST, "2,3,16,16", LOST_TEXT),
        (LEFT_OUT, "2,8", LEFT_OUT_TEXT),
        (MISSPELLED, "2,3,8,8", MISSPELLED_TEXT),
        (WITHOUT_SELF, "2,8", WITHOUT_SELF_TEXT),
        (NOT_A_METHOD, "2,8", NOT_A_METHOD_TEXT),
        (NOT_IMPORTED, "2,8", NOT_IMPORTED_TEXT),
        (ONE_MISSING, "2,8", ONE_MISSING_TEXT),
        (NO_RETURN, "2,8", NO_RETURN_TEXT),
        (NO_TENSOR, "2,8", NO_TENSOR_TEXT),
        (TWO_GIVEN, "2,8", TWO_GIVEN_TEXT),
    ],
)
def test_whole_texts(said: Say, text: str, shape: str, expected: str) -> None:
    assert said(text, shape).strip() == expected.strip()


@pytest.mark.parametrize(
    ("init", "forward"),
    [
        # wrapped, not lost
        ("self.fc = nn.Linear(8, 8)\nself.fc = nn.Sequential(self.fc, nn.ReLU())", "return self.fc(x)"),
        # kept elsewhere before the name is given again
        (
            "self.all = nn.ModuleList()\nself.fc = nn.Linear(8, 8)\nself.all.append(self.fc)\nself.fc = nn.Linear(8, 8)",
            "return self.fc(self.all[0](x))",
        ),
        # a default, and what replaces it where asked
        ("self.fc = nn.Linear(8, 8)\nif True:\n    self.fc = nn.Linear(8, 8)", "return self.fc(x)"),
        # numbers may change as often as they like
        ("self.n = 4\nself.n = 8\nself.fc = nn.Linear(8, self.n)", "return self.fc(x)"),
        # read without a call
        ("self.fc = nn.Linear(8, 8)", "return F.linear(x, self.fc.weight)"),
        # part of a layer that works in one piece
        ("self.att = nn.MultiheadAttention(8, 2, batch_first=True)", "return self.att(x[:, None], x[:, None], x[:, None])[0]"),
        # called behind the model, or one of several
        ("self.fc = nn.Linear(8, 8)\nself.loss = nn.MSELoss()", "return self.fc(x)"),
        (
            "self.fc = nn.Linear(8, 8)\nself.act = nn.ModuleDict({'a': nn.ReLU(), 'b': nn.Tanh()})",
            "return self.act['a'](self.fc(x))",
        ),
        # weights that are computed anew for each call
        ("self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))", "return self.fc(x)"),
    ],
)  # fmt: skip
def test_what_is_meant_is_not_mentioned(said: Say, init: str, forward: str) -> None:
    assert said(net(init, forward), "2,8") == ""


def test_a_list_of_tensors_is_one_input(said: Say) -> None:
    text = net("self.fc = nn.Linear(8, 4)", "return self.fc(x[0]) + None")
    assert "input-count" not in said(text, "[2,8]", "[2,8]")


def test_an_error_inside_forward_says_nothing_of_its_inputs(said: Say) -> None:
    text = net("self.fc = nn.Linear(8, 4)", "return self.fc(x) + None").replace(
        "(self, x)", "(self, x, flag)"
    )
    assert "input-count" not in said(text, "x=2,8", "flag:=true")


def test_a_list_of_tensors_is_kept_where_another_input_is_missing(said: Say) -> None:
    text = net("self.fc = nn.Linear(8, 4)", "return self.fc(x[0]) + y").replace(
        "(self, x)", "(self, x, y)"
    )
    text = said(text, "[2,8]", "[2,8]")
    assert "forward takes 2 inputs (x, y), but 1 is given" in text
    assert "give each input its shape: --input '[2,8]' --input '[2,8]' --input y=SHAPE" in text


TWO_BLOCKS = (
    net(
        "self.layer1 = Block()\nself.NAME = nn.Sequential(nn.Linear(8, 8))\n"
        "self.NAME[0].fc = nn.Linear(8, 8)",
        "return self.NAME(self.layer1(x))",
    )
    + """

class Block(nn.Module):
    def __init__(self, first=False):
        super().__init__()
        if first:
            self.fc = nn.Linear(8, 8)
            self.fc = nn.Linear(8, 8)
        self.act = nn.Linear(8, 8)

    def forward(self, x):
        return self.act(x)
"""
)


@pytest.mark.parametrize("name", ["layer10", "tail"])
def test_what_another_module_holds_says_nothing_of_a_class(said: Say, name: str) -> None:
    assert "assigned" not in said(TWO_BLOCKS.replace("NAME", name), "2,8")


def test_the_name_of_a_layer_deeper_down_is_not_its_parents(said: Say) -> None:
    init = (
        "if False:\n    self.fc = nn.Linear(8, 8)\n    self.fc = nn.Linear(8, 8)\n"
        "self.body = nn.Sequential()\nself.body.add_module('fc', nn.Linear(8, 8))"
    )
    assert "assigned" not in said(net(init, "return self.body(x)"), "2,8")


def test_an_einsum_names_as_many_axes_as_there_are(said: Say) -> None:
    text = said(net("pass", "return torch.einsum('ij,jk->ik', x, x[0])"), "2,3,3")
    assert "`ij` of the einsum names 2 axes, but 2 x 3 x 3 has 3" in text
    assert "cannot multiply" not in text


def test_the_letters_of_a_long_einsum_are_turned_at_once(said: Say) -> None:
    letters = "abcdefghijkl"
    init, forward = "pass", f"return torch.einsum('{letters},{letters}->a', x, x.movedim(0, -1))"
    text = said(net(init, forward), "3,2,2,2,2,2,2,2,2,2,2,2")
    assert "help: name its axes bcdefghijkla" in text


def test_a_generator_gives_no_tensor(said: Say) -> None:
    text = said(net("self.fc = nn.Linear(8, 4)", "yield self.fc(x)"), "2,8")
    assert "forward returns no tensor" in text
    assert "^^^^^^^^^^^^^^^^ no tensor comes out here" in text


def test_attention_over_a_single_number_is_survived(said: Say) -> None:
    text = net("self.att = nn.MultiheadAttention(8, 2)", "q = x.sum()\nreturn self.att(q, q, q)[0]")
    assert said(text, "2,8").startswith("error")


def test_each_mask_is_turned_once(said: Say) -> None:
    text = net(
        "self.att = nn.MultiheadAttention(8, 2, batch_first=True)",
        "keep = torch.zeros(x.size(1), x.size(0), dtype=torch.bool)\n"
        "more = torch.zeros(5, 5)\n"
        "return self.att(x, x, x, key_padding_mask=keep, attn_mask=more)[0]",
    )
    assert said(text, "2,5,8").count("help: turn the mask") == 1


def test_a_mask_that_is_named_like_a_turn_is_turned(said: Say) -> None:
    text = net(
        "self.att = nn.MultiheadAttention(8, 2, batch_first=True)",
        "self.T = torch.stack([x[:, at, 0] > 0 for at in range(x.size(1))])\n"
        "return self.att(x, x, x, key_padding_mask=self.T)[0]",
    )
    assert "help: turn the mask" in said(text, "2,5,8")


def test_the_larger_of_stride_and_dilation_bounds_the_output_padding(said: Say) -> None:
    up = "self.up = nn.ConvTranspose2d(3, 3, 3, stride=2, dilation=3, output_padding=3)"
    assert "help: the most that fits: one less than the dilation" in said(
        net(up, "return self.up(x)"), "1,3,8,8"
    )


def test_an_unbatched_sequence_has_no_batch(said: Say) -> None:
    text = net(
        "self.rnn = nn.GRU(8, 4, batch_first=True)",
        "return self.rnn(x, torch.zeros(2, 4))[0]",
    )
    why = "why: 5 x 8 is time 5 x features 8, so the state is num_layers 1 x 4\n"
    assert why in said(text, "5,8")


@pytest.mark.parametrize(
    ("layer", "numbers"),
    [
        ("nn.GroupNorm(4, 6)", "num_channels (6) must be divisible by num_groups (4)"),
        (
            "nn.TransformerEncoderLayer(100, 8)",
            "embed_dim (100) must be divisible by num_heads (8)",
        ),
        ("nn.Conv2d(4, 6, 3, groups=4)", "out_channels (6) must be divisible by groups (4)"),
    ],
)
def test_numbers_that_do_not_divide_are_named(said: Say, layer: str, numbers: str) -> None:
    text = said(net(f"self.layer = {layer}", "return self.layer(x)"), "2,6,8,8")
    assert f"refuses its numbers: {numbers}\n" in text
    assert "(verified)" in text


def test_two_entries_under_one_key(said: Say) -> None:
    layers = 'OrderedDict([("fc", nn.Linear(8, 8)), ("act", nn.ReLU()), ("fc", nn.Linear(8, 4))])'
    text = "from collections import OrderedDict\n" + net(
        f"self.body = nn.Sequential({layers})", "return self.body(x)"
    )
    assert said(text, "2,8").startswith(
        "warning[layer-assigned-twice]: `fc` is assigned twice, and the first layer is lost\n"
    )


def test_a_whole_block_that_is_left_out_is_named_once(said: Say) -> None:
    text = net(
        "self.fc = nn.Linear(8, 4)\nself.head = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))",
        "return self.fc(x)",
    )
    assert "note[layer-never-called]: `head` is never called\n" in said(text, "2,8")


def test_many_layers_are_counted(said: Say) -> None:
    init = "\n".join(f"self.l{n} = nn.Linear(8, 8)" for n in range(6))
    text = said(net(init, "return self.l0(x)"), "2,8")
    assert "`l1`, `l2` and three more layers are never called" in text


def test_an_unreturned_block_is_mended_with_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    block = "\n\nclass Block(nn.Module):\n    def forward(self, x):\n        x = x * 2\n"
    Path("net.py").write_text(
        net("self.block = Block()\nself.fc = nn.Linear(8, 4)", "x = self.fc(self.block(x))") + block
    )
    assert run(["fix", "net.py:Net", "--input", "2,8", "--write"]) == 0
    assert Path("net.py").read_text().count("        return x\n") == 2
    assert run(["check", "net.py:Net", "--input", "2,8", "--expect", "2,4"]) == 0
    assert "forward of `block` returns nothing" in capsys.readouterr().out


def test_a_file_whose_only_model_has_no_forward_needs_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NAMED_OTHERWISE)
    assert run(["trace", "net.py", "--input", "2,8"]) == 1
    assert "error[forward-missing]: `Net` has no forward" in capsys.readouterr().out


@pytest.mark.parametrize(
    "init",
    [
        "self.a=nn.Linear(4, 4)\nself.a  =  nn.Linear(4, 4)",
        "for i in range(2):\n    self.a = nn.Linear(4, 4)\n    self.a = nn.Linear(4, 4)",
        "self.add_module('a', nn.Linear(4, 4))\nself.a = nn.Linear(4, 4)",
        "self.all = nn.Sequential(OrderedDict([('a', nn.Linear(4, 4)), ('a', nn.Linear(4, 4))]))",
        "self.all = nn.ModuleDict({'a': nn.Linear(4, 4), 'a': nn.Linear(4, 4)})",
        "self.all = nn.ModuleDict(  # by name\n    {'a': nn.Linear(4, 4), 'a': nn.Linear(4, 4)})",
        "self.all = nn.ModuleDict(dict((('a', nn.Linear(4, 4)), ('a', nn.Linear(4, 4)))))",
    ],
)
def test_however_a_layer_is_lost_it_is_seen(said: Say, init: str) -> None:
    text = "from collections import OrderedDict\n" + net(init, "return x")
    assert "`a` is assigned twice, and the first layer is lost" in said(text, "2,4")


@pytest.mark.parametrize("name", ["Net", "Other"])
def test_a_class_of_another_name_or_in_a_comment_hides_nothing(said: Say, name: str) -> None:
    other = f"# class {name} comes first\nclass {name}work:\n    pass\n\n\n"
    text = LOST.replace("class Net", other + "class Net")
    assert said(text, "2,3,8,8").splitlines()[0] == LOST_TEXT.splitlines()[0]


def test_a_file_whose_classes_keep_their_layers_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = "self.a = nn.Linear(4, 4)\nself.pool = nn.AdaptiveAvgPool2d((7, 7))"
    (tmp_path / "kept.py").write_text(net(init, "return self.a(x)"))
    spec = importlib.util.spec_from_file_location("kept", tmp_path / "kept.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parsed: list[str | None] = []
    parse = source_text._parse

    def noted(text: str | None) -> ast.Module | None:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(source_text, "_parse", noted)
    result = trace(module.Net(), input_size=(2, 4))
    spans = [step.defined_at for step in result.trace.steps if step.path == "a"]
    assert [None if span is None else span.line for span in spans] == [9]
    assert [(text or "").count("def ") for text in parsed] == [1]


PLAIN_LIST = net(
    "self.layers = [nn.Linear(8, 8) for _ in range(2)]\nself.fc = nn.Linear(8, 4)",
    "for layer in self.layers:\n    x = F.relu(layer(x))\nreturn self.fc(x)",
)

PLAIN_LIST_TEXT = """\
warning[layers-not-registered]: the layers in `layers` are no part of the model: it is a plain list
  --> net.py:9:23 in Net.__init__
   |
 9 |         self.layers = [nn.Linear(8, 8) for _ in range(2)]
   |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ torch does not look into a list
  ::: net.py:14:24 in Net.forward
   |
14 |             x = F.relu(layer(x))
   |                        -------- `linear` reads a weight of 8 x 8 here
   |
   = why: the weight of 8 x 8 is none of the 36 parameters of the model
   = note: `parameters()` and `state_dict()` pass them by: no optimizer trains them
help: make it a ModuleList, which the model sees (adds 144 parameters; verified)
 9 ~         self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])
"""


def test_layers_in_a_plain_list_are_a_warning(said: Say) -> None:
    assert said(PLAIN_LIST, "2,8") == PLAIN_LIST_TEXT


@pytest.mark.parametrize(
    ("init", "line"),
    [
        (
            "self.layers = []\nfor _ in range(2):\n    self.layers.append(nn.Linear(8, 8))",
            "self.layers = nn.ModuleList()",
        ),
        (
            "layers = []\nlayers.append(nn.Linear(8, 8))\nself.layers = layers",
            "self.layers = nn.ModuleList(layers)",
        ),
        (
            "self.layers = [nn.Linear(8, 8), nn.ReLU()]",
            "self.layers = nn.ModuleList([nn.Linear(8, 8), nn.ReLU()])",
        ),
    ],
    ids=["appended", "local", "written"],
)
def test_a_list_is_made_a_module_list_where_it_is_made(said: Say, init: str, line: str) -> None:
    text = said(net(init, "for layer in self.layers:\n    x = layer(x)\nreturn x"), "2,8")
    assert text.startswith("warning[layers-not-registered]: ")
    assert line in text


@pytest.mark.parametrize(
    "init",
    [
        "self.layers = nn.ModuleList([nn.Linear(8, 8)])",
        "self.layers = [nn.Linear(8, 8)]\nself.body = nn.Sequential(*self.layers)",
        "self.first = nn.Linear(8, 8)\nself.layers = [self.first, nn.ReLU()]",
        "net = nn.Linear(8, 8)\nself.layers = [net]",
        "self.kernel = torch.ones(8, 8)\nself.layers = [nn.ReLU(), lambda x: x @ self.kernel]",
        "k = torch.ones(8, 8)\nself.layers = [nn.Linear(8, 8)]\nself.body = nn.Sequential(*self.layers)\nself.layers.append(lambda x: x @ k)",
        "self.layers = [nn.Linear(8, 8)]\nself.add_module('body', self.layers[0])",
    ],
    ids=[
        "module list",
        "also a sequential",
        "also an attribute",
        "hidden on purpose",
        "nothing to train",
        "a kernel beside a sequential",
        "added by name",
    ],
)
def test_layers_that_the_model_sees_or_that_are_hidden_are_silent(said: Say, init: str) -> None:
    forward = "for layer in self.layers:\n    x = layer(x)\nreturn x"
    assert "layers-not-registered" not in said(net(init, forward), "2,8")


UNPACKED_TEXT = """\
error[unpack-count]: `chunk` gives 4 tensors, and 3 names take them
  --> net.py:13:19 in Net.forward
   |
13 |         q, k, v = self.qkv(x).chunk(4, dim=1)
   |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^ gives 4 of 2 x 9
   |               - the last of 3 names
  ::: net.py:9:33 in Net.__init__
   |
 9 |         self.qkv = nn.Linear(8, 36)
   |                                 -- `qkv` makes 2 x 36
   |
   = why: 2 x 36 is cut along axis 1: 36 = 9 + 9 + 9 + 9
help: cut in 3  (verified)
13 ~         q, k, v = self.qkv(x).chunk(3, dim=1)
"""


def test_pieces_for_another_number_of_names(said: Say) -> None:
    text = net(
        "self.qkv = nn.Linear(8, 36)\nself.fc = nn.Linear(12, 4)",
        "q, k, v = self.qkv(x).chunk(4, dim=1)\nreturn self.fc(q * k + v)",
    )
    assert said(text, "2,8") == UNPACKED_TEXT


def test_a_plain_dict_is_told_alike(said: Say) -> None:
    text = said(
        net('self.heads = {"a": nn.Linear(8, 8)}', 'return self.heads["a"](x)'),
        "2,8",
    )
    assert "the layers in `heads` are no part of the model: it is a plain dict\n" in text
    assert 'self.heads = nn.ModuleDict({"a": nn.Linear(8, 8)})\n' in text


def test_a_plain_list_of_parameters_is_told_alike(said: Say) -> None:
    made = "[nn.Parameter(torch.ones(8, 8)) for _ in range(2)]"
    text = said(net(f"self.w = {made}", "for w in self.w:\n    x = x @ w\nreturn x"), "2,8")
    assert "the parameters in `w` are no part of the model: it is a plain list\n" in text
    assert f"self.w = nn.ParameterList({made})\n" in text


def test_a_group_for_each_channel_stays_one(said: Say) -> None:
    init = "self.dw = nn.Conv2d(24, 40, 3, groups=24)"
    text = said(net(init, "return self.dw(x)"), "2,24,8,8")
    assert "self.dw = nn.Conv2d(24, 24, 3, groups=24)\n" in text
    assert "groups=8" not in text


@pytest.mark.parametrize(
    ("init", "line", "edited"),
    [
        ("self.fc = nn.Linear(8, 64)", "u, v = self.fc(x).split(16, dim=1)", "split(32, dim=1)"),
        (
            "self.fc = nn.Linear(8, 48)",
            "u, v = self.fc(x).view(-1, 3, 2, 8).unbind(1)",
            "unbind(2)",
        ),
    ],
    ids=["split", "unbind"],
)
def test_a_split_and_an_unbind_fit_the_names(said: Say, init: str, line: str, edited: str) -> None:
    text = said(net(init, f"{line}\nreturn u + v"), "2,8")
    assert text.startswith("error[unpack-count]: ")
    assert edited in text


def test_a_module_that_lends_its_buffer_is_no_layer_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "import torch.nn as nn\n\n\n"
        "class Memory(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.register_buffer('rows', torch.zeros(4, 8))\n\n"
        "    def read(self, weights):\n"
        "        return weights @ self.rows\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.memory = Memory()\n"
        "        self.fc = nn.Linear(6, 4)\n\n"
        "    def forward(self, x):\n"
        "        return self.memory.read(self.fc(x))\n"
    )
    assert run(["trace", "net.py:Net", "--input", "2,6"]) == 0
    assert "layer-never-called" not in capsys.readouterr().out


def test_a_class_with_nothing_in_it_has_no_forward(said: Say) -> None:
    text = said("import torch.nn as nn\n\n\nclass Net(nn.Module):\n    pass\n", "2,8")
    assert text.startswith("error[forward-missing]: `Net` has no forward\n")
