"""The loss that a script's own loop computes is looked at, without running the training."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.session import Request, run_trace

SCRIPT = """\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, {width})

    def forward(self, x):
        return self.fc(x)


model = Net()
criterion = {criterion}
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(torch.randn(64, 8), {targets}), batch_size=16)
for epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
{lines}
        loss.backward()
        optimizer.step()
"""

COLUMN, CLASSES = "torch.randn(64)", "torch.arange(64) % 7"
APART = "        out = model(x)\n        loss = {}"


def told(folder: Path, width: int, criterion: str, targets: str, lines: str) -> list[str]:
    text = SCRIPT.format(width=width, criterion=criterion, targets=targets, lines=lines)
    (folder / "train.py").write_text(text, encoding="utf-8")
    result = run_trace(Request("train.py"))
    assert result.trace.failure is None
    assert not any(step.op.endswith(("loss", "entropy")) for step in result.trace.steps)
    return [one.message for one in result.diagnostics]


@pytest.mark.parametrize(
    ("width", "criterion", "targets", "lines", "said"),
    [
        (
            1,
            "nn.MSELoss()",
            COLUMN,
            APART.format("criterion(out, y)"),
            ["mse_loss compares 16 x 1 with 16"],
        ),
        (
            1,
            "None",
            COLUMN,
            "        loss = F.l1_loss(model(x), y.float())",
            ["l1_loss compares 16 x 1 with 16"],
        ),
        (
            5,
            "nn.CrossEntropyLoss()",
            CLASSES,
            APART.format("criterion(out, y)"),
            ["cross_entropy gets scores of 5 classes, but targets up to 6"],
        ),
        (
            7,
            "nn.CrossEntropyLoss()",
            "(torch.arange(64) % 7).view(64, 1)",
            APART.format("criterion(out, y)"),
            ["cross_entropy gets 16 x 7 scores for 16 x 1 targets"],
        ),
        (1, "nn.MSELoss()", COLUMN, APART.format("criterion(out, y.unsqueeze(1))"), []),
        (1, "nn.MSELoss()", COLUMN, APART.format("criterion(out.squeeze(1), y)"), []),
        (
            1,
            "nn.MSELoss()",
            COLUMN,
            "        out = model(x)\n        out = out[:, 0]\n        loss = criterion(out, y)",
            [],
        ),
        (7, "nn.CrossEntropyLoss()", CLASSES, APART.format("criterion(out, y)"), []),
        (1, "lambda a, b: (a[:, 0] - b).sum()", COLUMN, APART.format("criterion(out, y)"), []),
    ],
)
def test_what_the_loop_compares(
    width: int,
    criterion: str,
    targets: str,
    lines: str,
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(tmp_path, width, criterion, targets, lines) == said


def test_a_column_of_classes_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "import torch.nn as nn\n\n\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Linear(8, 1))\n",
        encoding="utf-8",
    )
    request = Request("net.py", ("16,8",), target="16,1:int64", loss="cross_entropy")
    (found,) = run_trace(request).diagnostics
    (why,) = found.why
    assert why == (
        "one class for each row is a target of 16: 16 x 1 has an axis of 1 behind it, which "
        "`squeeze(1)` takes away"
    )
    assert found.notes == ("of one class alone the loss is 0, whatever is learned",)
