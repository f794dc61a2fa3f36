"""torchvision is imported without the compiler, and whoever asks for the compiler gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shapescope.capture.loading.late_compiler import _asks_no_more

pytest.importorskip("torchvision")

MODEL = """
from torch import nn
from torchvision.models import resnet18

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18(weights=None)
        self.backbone.fc = nn.Linear(512, 3)
    def forward(self, x):
        return self.backbone(x)
"""

TRACE = """
import sys
from shapescope.capture.inputs import InputSpec
from shapescope.capture.loader import load
from shapescope.capture.tracer import trace_model
traced = trace_model(load("net.py"), (InputSpec((2, 3, 64, 64)),))
assert traced.trace.failure is None and traced.trace.outputs[0].shape == (2, 3)
"""


def run(code: str, folder: Path) -> str:
    """What a fresh interpreter prints in a folder that holds the model."""
    (folder / "net.py").write_text(MODEL)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_users_import_of_torchvision_leaves_the_compiler_out(tmp_path: Path) -> None:
    heavy = 'print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])'
    assert run(TRACE + heavy, tmp_path) == "[]"


def test_the_question_is_answered_by_the_real_compiler(tmp_path: Path) -> None:
    after = """
import torch
module = sys.modules["torchvision.ops.roi_align"]
print(module.is_compile_supported("cpu"), "torch._dynamo" in sys.modules)
import torch._dynamo.utils
print(module.is_compile_supported is torch._dynamo.utils.is_compile_supported)
compiled = torch.compile(lambda x: torch.relu(x) + 1, backend="eager")
print(compiled(torch.zeros(2)).tolist())
"""
    assert run(TRACE + after, tmp_path).split("\n") == ["True True", "True", "[1.0, 1.0]"]


def test_the_users_file_sees_the_real_compiler(tmp_path: Path) -> None:
    code = """
from pathlib import Path
Path("net.py").write_text(
    "import torch\\nimport torch._dynamo.utils as utilities\\n"
    "assert utilities.__file__ and torch._dynamo.__file__\\n"
    + Path("net.py").read_text()
    + "import torch._dynamo\\nassert torch._dynamo.config is not None\\n"
)
"""
    assert run(code + TRACE + 'print("torch._dynamo" in sys.modules)', tmp_path) == "True"


def test_boxes_are_pooled_as_ever(tmp_path: Path) -> None:
    after = """
import torch
from torchvision.ops import roi_align
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
print(tuple(roi_align(torch.ones(1, 2, 8, 8), boxes, (2, 2)).shape))
"""
    assert run(TRACE + after, tmp_path) == "(1, 2, 2, 2)"


@pytest.mark.parametrize(
    ("text", "light"),
    [
        ("import torch\nfrom torch._dynamo.utils import is_compile_supported\nx = 1\n", True),
        ("import torch\nfrom torch._dynamo.utils import is_compile_supported, other\n", False),
        (
            "from torch._dynamo.utils import is_compile_supported\nimport torch._dynamo.config\n",
            False,
        ),
        ("import torch\n", False),
    ],
)
def test_a_file_that_asks_for_more_is_imported_as_it_is(text: str, light: bool) -> None:
    assert _asks_no_more(text.encode()) is light
