"""Arguments that were left out, taken from what the user's file has ready for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.capture.loader import load
from shapescope.diagnostic import ShapescopeError

HEAD = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn
import torch

@dataclass
class GPTConfig:
    width: int = 6

class Plain:
    pass
"""
NET = """
class Net(nn.Module):
    def __init__(self, {signature}):
        super().__init__()
        self.fc = nn.Linear({width}, 2)
    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.parametrize(
    ("before", "signature", "width", "shown"),
    [
        ("", "config: GPTConfig", "config.width", "(config=GPTConfig())"),
        ("", "config", "config.width", "(config=GPTConfig())"),
        ("", "cfg", "cfg.width", "(cfg=GPTConfig())"),
        ("", "p: 'GPTConfig'", "p.width", "(p=GPTConfig())"),
        ("config = GPTConfig(width=9)", "config", "config.width", "(config=config)"),
        ("n_features = 4", "n_features", "n_features", "(n_features=n_features)"),
        ("args = {'w': 3}", "args", "args['w']", "(args=args)"),
    ],
)
def test_a_file_may_have_ready_what_is_missing(
    in_folder: Path, before: str, signature: str, width: str, shown: str
) -> None:
    source = HEAD + before + NET.format(signature=signature, width=width)
    (in_folder / "net.py").write_text(source)
    loaded = load("net.py")
    assert loaded.name == f"net.py:Net{shown}"
    first, second = loaded.build().module, loaded.build().module
    assert first is not second
    assert first.fc is not second.fc


def test_each_model_gets_settings_of_its_own(in_folder: Path) -> None:
    source = HEAD + "settings = {'widths': []}\n"
    net = NET.format(signature="settings", width="4").replace(
        "self.fc", "settings['widths'].append(1); self.seen = settings['widths']; self.fc", 1
    )
    (in_folder / "net.py").write_text(source + net)
    loaded = load("net.py")
    loaded.build()
    assert loaded.build().module.seen == [1]


@pytest.mark.parametrize(
    ("signature", "before"),
    [
        ("config", "@dataclass\nclass Other:\n    b: int = 1"),
        ("config: NeedsMore", "@dataclass\nclass NeedsMore:\n    b: int"),
    ],
)
def test_settings_that_are_not_ready_ask_for_a_function(
    in_folder: Path, signature: str, before: str
) -> None:
    source = HEAD + before + NET.format(signature=signature, width="4")
    (in_folder / "net.py").write_text(source)
    with pytest.raises(ShapescopeError) as caught:
        load("net.py")
    assert str(caught.value) == (
        "net.py: `Net` needs an argument: `config`; write a function in the file that makes it "
        "and returns Net(...), and name that: net.py:function"
    )


def test_a_part_of_the_program_is_no_value(in_folder: Path) -> None:
    source = HEAD + "def width(): return 3\n" + NET.format(signature="width", width="3")
    (in_folder / "net.py").write_text(source)
    with pytest.raises(ShapescopeError, match="needs an argument: `width`"):
        load("net.py")
