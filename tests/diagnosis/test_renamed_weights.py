"""A layer put in front of others renames their weights: that is said, and no shape is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.session import Request, run_trace

MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.Linear(8 * 16 * 16, 32),
            nn.ReLU(),
            nn.Linear(32, 2),
        )

    def forward(self, x):
        return self.net(x)
"""


def test_moved_keys_are_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(MODEL, encoding="utf-8")
    result = run_trace(Request("net.py:Net", ("2,3,16,16",)))
    (help_,) = result.diagnostics[0].help
    assert "renames net.2.weight to net.3.weight and 1 more" in help_.message
    assert "shape" not in help_.message
    assert any("nn.Flatten()" in edit.replacement for edit in help_.edits)
