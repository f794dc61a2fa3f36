"""Files in forms that editors and formatters leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.cli.app import run

HEAD = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(8 * 16 * 16, 10)

"""

FORWARDS = {
    "backslashes": """\
    def forward(self, x):
        x = \\
            self.pool(
            F.relu(self.conv(x)))  # N x 8 x 16 x 16
        x = x \\
            .flatten(1)  # N x 2048
        return self.fc(x)  # N x 10
""",
    "black": """\
    def forward(self, x):
        x = (
            self.conv(x)
            .relu()
            .contiguous()
        )  # N x 8 x 32 x 32
        x = self.pool(
            x,
        )  # N x 8 x 16 x 16
        logits = self.fc(
            x.flatten(1),
        )  # N x 10
        return logits  # N x 10
""",
    "four layers in a line": """\
    def forward(self, x):
        x = self.pool(F.relu(self.conv(x)))  # N x 8 x 16 x 16
        return self.fc(x.flatten(1))  # N x 10
""",
    "form feed": """\
    def forward(self, x):
        x = self.pool(F.relu(self.conv(x)))  # N x 8 x 16 x 16
\x0c
        return self.fc(x.flatten(1))  # N x 10
""",
    "match": """\
    def forward(self, x):
        match x.dim():
            case 4:
                x = self.pool(self.conv(x))  # N x 8 x 16 x 16
            case _:
                x = x[None]
        return self.fc(x.flatten(1))  # N x 10
""",
    "one line": """\
    def forward(self, x): return self.fc(self.pool(self.conv(x)).flatten(1))  # N x 10
""",
    "one line below another": """\
    def forward(self, x):
        if x.dim(): x = self.pool(self.conv(x))  # N x 8 x 16 x 16
        return self.fc(x.flatten(1))  # N x 10
""",
    "a dict of tensors": """\
    def forward(self, x):
        out = {"map": x, "pooled": self.pool(self.conv(x))}
        out["logits"] = self.fc(out["pooled"].flatten(1))
        return out["logits"]  # N x 10
""",
    "a loop that changes the shape": """\
    def forward(self, x):
        x = self.conv(x)  # N x 8 x 32 x 32
        for _ in range(2):
            x = F.max_pool2d(
                x, 2,
            )
        return x.mean(
            (2, 3),
        )  # N x 8
""",
}


def _annotated(file: Path, *more: str) -> int:
    return run(["annotate", str(file), "--input", "2,3,32,32", *more])


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
@pytest.mark.parametrize("form", ["lf", "crlf", "bom", "no end"])
def test_comments_are_written_where_they_belong(form: str, forward: str, in_folder: Path) -> None:
    wanted = HEAD + forward
    if form == "crlf":
        wanted = wanted.replace("\n", "\r\n")
    elif form == "bom":
        wanted = "\ufeff" + wanted
    elif form == "no end":
        wanted = wanted.rstrip("\n")
    bare = "".join(line.partition("  # ")[0] + _end(line) for line in wanted.split("\n"))
    file = in_folder / "net.py"
    file.write_bytes(bare.removesuffix("\n").encode())
    assert _annotated(file, "--write") == 0
    assert file.read_bytes().decode() == wanted
    assert _annotated(file, "--write") == 0
    assert file.read_bytes().decode() == wanted
    assert _annotated(file, "--check") == 0


def _end(line: str) -> str:
    return "\r\n" if line.endswith("\r") and "  # " in line else "\n"


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_each_changed_number_is_found(forward: str, in_folder: Path) -> None:
    lines = (HEAD + forward).split("\n")
    file = in_folder / "net.py"
    for place, line in enumerate(lines):
        code, mark, comment = line.partition("  # ")
        if not mark:
            continue
        first, last = comment.rsplit(" ", 1)
        wrong = f"{code}  # {first} {int(last) + 1}"
        file.write_text("\n".join([*lines[:place], wrong, *lines[place + 1 :]]))
        assert _annotated(file, "--check") == 1
