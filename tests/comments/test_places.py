"""What a comment speaks of, wherever people put it; expected verdicts were decided beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapescope.analysis.comments.remarks import is_code
from shapescope.cli.app import run

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n"

FIRST_LINE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 2, 1)

    def forward(self, x):
        # x: B x C x H x W
        x = self.conv(x)  # B x 16 x H/2 x W/2
        # B x 16, then nothing
        return x.mean((2, 3))
"""

DCGAN = """
nz, ngf, nc = 100, 8, 3
class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            # input is (nz) x 1 x 1, going into a convolution
            nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False),
            nn.ReLU(True),
            # state size. (ngf*2) x 4 x 4
            nn.ConvTranspose2d(ngf * 2, nc, 4, 2, 1, bias=False),
            nn.Tanh()
            # state size. (nc) x 7 x 7
        )

    def forward(self, input):
        return self.main(input)
"""

CHAIN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return (
            self.conv(x)  # (B, 8, 32, 32)
            .view(x.size(0), 8, -1)  # (B, 8, 1024)
            .transpose(1, 2)  # (B, 1024, 9)
            .mean(1)  # (B, 8)
        )
"""

DOCSTRINGS = '''
class Net(nn.Module):
    """A net.

    Shape:
        N x 3 x H x W -> N x 8 x H x W
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, image):
        """
        :param image: images, a tensor of dimensions (N, 3, H, W)
        :return: of dimensions (N, 9, H, W)
        """
        return self.half(image)

    def half(self, t):
        """t: (N, 3, H, W) -> (N, 4, H, W), (N, 4, H, W)"""
        y: Float[torch.Tensor, "n 8 h w"] = self.conv(t)
        a, b = y.chunk(2, 1)
        return a, b
'''

NESTED = """
def block(ci, co):
    return nn.Sequential(
        nn.Conv2d(ci, co, 3, padding=1),  # (N, co, H, W)
        nn.MaxPool2d(2),  # (N, co, H/2, W/3)
    )

class Net(nn.Module):
    # for images of (N, 3, 16, 16)
    def __init__(self):
        super().__init__()
        self.a = block(3, 8)
        self.size = torch.ones(2, 3)  # (2, 3)

    def forward(self, x):
        def squash(t):
            return t.mean((2, 3))  # N x C
        # x = x.view(-1, 3, 16, 16)
        # y = F.interpolate(x, size=(224, 224))
        x = self.a(x)  # type: ignore  # N x 8 x 8 x 8
        # (q, k) as in the paper, (N, 8, 7, 7)
        return squash(x)  # N x 8
"""

TWO_AXES = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 1, 1)  # 3 x 3
        self.pool = nn.MaxPool2d(2)  # (2, 2)
        self.fc = nn.Linear(4, 7)

    def forward(self, x):
        x = self.pool(self.conv(x))  # output 4x4
        x = x.mean((2, 3))  # (2, 4)
        return self.fc(x)  # 2 x 9
"""


def checked(text: str, inputs: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    Path("net.py").write_text(HEAD + text)
    name = "net.py:Net" if "class Net" in text else "net.py"
    assert run(["annotate", name, "--input", inputs, "--check", "--format", "json"]) in (0, 1)
    comments = json.loads(capsys.readouterr().out)["comments"]
    return [f"{one['status']} {one['text']}" for one in comments]


@pytest.mark.parametrize(
    ("text", "inputs", "verdicts"),
    [
        (FIRST_LINE, "2,3,32,32", [
            "right B x C x H x W", "right B x 16 x H/2 x W/2", "right B x 16",
        ]),
        (DCGAN, "2,100,1,1", [
            "right (nz) x 1 x 1", "right (ngf*2) x 4 x 4", "wrong (nc) x 7 x 7",
        ]),
        (CHAIN, "2,3,32,32", [
            "right (B, 8, 32, 32)", "right (B, 8, 1024)", "wrong (B, 1024, 9)", "right (B, 8)",
        ]),
        (NESTED, "2,3,16,16", [
            "right (N, co, H, W)", "wrong (N, co, H/2, W/3)",
            "right N x C", "right N x 8 x 8 x 8", "wrong (N, 8, 7, 7)", "right N x 8",
        ]),
        (TWO_AXES, "2,3,8,8", ["right 4x4", "right (2, 4)", "wrong 2 x 9"]),
    ],
    ids=["first line", "between entries", "chain", "nested", "two axes"],
)  # fmt: skip
def test_comments_in_every_place(
    text: str,
    inputs: str,
    verdicts: list[str],
    in_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert checked(text, inputs, capsys) == verdicts


def test_docstrings_of_other_styles_and_annotated_variables(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "class Float:\n    def __class_getitem__(cls, item): return torch.Tensor\n" + DOCSTRINGS
    assert checked(text, "2,3,8,8", capsys) == [
        "right N x 3 x H x W",
        "wrong N x 8 x H x W",
        "right (N, 3, H, W)",
        "wrong (N, 9, H, W)",
        "right (N, 3, H, W)",
        "right (N, 4, H, W)",
        "right (N, 4, H, W)",
        "right n 8 h w",
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = x.view(-1, 320)", True),
        ("out = self.c(x)  # (2, 8, 31, 31)", True),
        ("return F.relu(x)", True),
        ("nn.Linear(10, 3),", True),
        ("for p in self.parameters():", False),
        ("h (B, C)", False),
        ("relu(conv(x)) (B, C)", False),
        ("x.shape = (2, 3)", False),
        ("torch.Size([2, 3])", False),
        ("x.size() -> (2, 3)", False),
        ("(B, T, C)", False),
    ],
)
def test_code_put_out_of_action_says_nothing(text: str, code: bool) -> None:
    assert is_code(" " + text) is code


def test_an_indexed_name_is_another_each_time(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 6)])
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)  # (B, D_i)
        return x
"""
    assert checked(text, "3,4", capsys) == ["right (B, D_i)"]
    assert checked(text.replace("D_i", "D"), "3,4", capsys) == ["wrong (B, D)"]


@pytest.mark.parametrize(
    ("line", "added"),
    [
        ("x = x * 2  # torch.Size([3, 4])", "  # torch.Size([3, 2])"),
        ("x = x * 2  # [3, 4]", "  # [3, 2]"),
        ("x = x * 2  # [-1, 4]", "  # [-1, 2]"),
        ("x = x * 2\t# (B,4)", "\t# (B,2)"),
        ("x = x * 2 # (B, 4)", " # (B, 2)"),
        ("x = x * 2  # [batch size, emb dim]", "  # [batch size, 2]"),
    ],
)
def test_what_is_added_looks_like_what_is_there(
    line: str, added: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"""
def logged(fn):
    def inner(*args, **kwargs):
        return fn(*args, **kwargs)
    return inner

class Net(nn.Module):
    @logged
    def forward(self, x):
        {line}
        x = x[:, :2]
        return x  # the end
"""
    Path("net.py").write_text(HEAD + text)
    assert run(["annotate", "net.py:Net", "--input", "3,4", "--write"]) == 0
    assert capsys.readouterr().out == "net.py: 1 added, 1 kept\n"
    assert Path("net.py").read_text() == HEAD + text.replace(":2]\n", f":2]{added}\n")


def test_a_comment_above_a_line_is_corrected_to_what_the_line_gives(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
class Net(nn.Module):
    def forward(self, x):
        x = F.relu(x)
        # pooling: outputs a (N, 3, 5, 5) Tensor
        x = F.max_pool2d(x, 2)
        return x
"""
    Path("net.py").write_text(HEAD + text)
    run(["annotate", "net.py:Net", "--input", "2,3,8,8", "--write"])
    capsys.readouterr()
    assert "outputs a (N, 3, 4, 4) Tensor" in Path("net.py").read_text()
