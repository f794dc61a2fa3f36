"""`shapescope fix`, from the command line to the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.cli.app import run

BROKEN = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)  # the first layer
        self.fc = nn.Linear(4 * 5 * 5,   10)

    def forward(self, x):
        x = self.conv( x )
        return self.fc(x.flatten(1))
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.py"
    file.write_text(BROKEN)
    return file


def test_a_diff_is_printed_and_nothing_written(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "net.py", "--input", "2,1,8,8"]) == 1
    out = capsys.readouterr().out
    assert "-        self.fc = nn.Linear(4 * 5 * 5,   10)\n" in out
    assert "+        self.fc = nn.Linear(4 * 6 * 6,   10)\n" in out
    assert net.read_text() == BROKEN


def test_an_inferred_input_is_said(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fix", "net.py"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "nothing to mend\n"
    assert "input 1 x 1 x 7 x 7 inferred" in " ".join(shown.err.split())


def test_write_keeps_formatting_and_comments(net: Path) -> None:
    assert run(["fix", "net.py", "--input", "2,1,8,8", "--write"]) == 0
    assert net.read_text() == BROKEN.replace("4 * 5 * 5", "4 * 6 * 6")
    assert run(["fix", "net.py", "--input", "2,1,8,8"]) == 0


def test_write_keeps_carriage_returns(net: Path) -> None:
    net.write_bytes(BROKEN.replace("\n", "\r\n").encode())
    assert run(["fix", "net.py", "--input", "2,1,8,8", "--write"]) == 0
    mended = BROKEN.replace("4 * 5 * 5", "4 * 6 * 6").replace("\n", "\r\n")
    assert net.read_bytes() == mended.encode()


def test_a_healthy_model_is_left_alone(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net.write_text(BROKEN.replace("4 * 5 * 5", "4 * 6 * 6"))
    assert run(["fix", "net.py", "--input", "2,1,8,8", "--write"]) == 0
    assert capsys.readouterr().out == "nothing to mend\n"


def test_a_file_that_changes_meanwhile_is_not_written(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shapescope.capture.further.mend as room

    real = room.mend

    def slow(*args: object, **kwargs: object) -> object:
        done = real(*args, **kwargs)  # type: ignore[arg-type]
        net.write_text(BROKEN + "# edited by hand\n")
        return done

    monkeypatch.setattr(room, "mend", slow)
    assert run(["fix", "net.py", "--input", "2,1,8,8", "--write"]) == 2
    assert net.read_text() == BROKEN + "# edited by hand\n"


def test_own_networks_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fix", "lenet5", "--input", "1,1,28,28", "--write"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "own networks" in captured.err


def test_lenet_at_28_names_layer_numbers_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "lenet5", "--input", "1,1,28,28"]) == 1
    out = capsys.readouterr().out
    assert "`fc` takes 400 features, but 256 arrive" in out
    assert "16 * 4 * 4 = 256" in out
    assert "in_features = 400" in out


SEVERAL = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2D(3, 6, kernal_size=5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.cnv2(x)), 2)
        return self.fc(x)
"""

SEVERAL_DIFF = """\
--- a/net.py
+++ b/net.py
@@ -1,15 +1,16 @@
 import torch
 import torch.nn as nn
+import torch.nn.functional as F


 class Net(nn.Module):
     def __init__(self):
         super().__init__()
-        self.conv1 = nn.Conv2D(3, 6, kernal_size=5)
-        self.conv2 = nn.Conv2d(8, 16, 5)
-        self.fc = nn.Linear(16 * 4 * 4, 10)
+        self.conv1 = nn.Conv2d(3, 6, kernel_size=5)
+        self.conv2 = nn.Conv2d(6, 16, 5)
+        self.fc = nn.Linear(16 * 5 * 5, 10)

     def forward(self, x):
         x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
-        x = F.max_pool2d(torch.relu(self.cnv2(x)), 2)
-        return self.fc(x)
+        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
+        return self.fc(x.flatten(1))
"""


def _stripped(text: str) -> str:
    """Without white space at the ends of lines: an empty line of a diff has some."""
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def test_several_faults_are_named_in_order_and_mended_in_one_diff(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net.write_text(SEVERAL)
    assert run(["fix", "net.py", "--input", "4,3,32,32"]) == 1
    out = capsys.readouterr().out
    told = [line.partition(": ")[2] for line in out.splitlines() if ": error[" in line]
    assert told[:5] == [
        "error[constructor] `nn` has no `Conv2D`",
        "error[constructor] `nn.Conv2d` takes no `kernal_size`",
        "error[unknown-name] `F` is not defined",
        "error[unknown-name] `Net` has no attribute `cnv2`",
        "error[conv-in-channels] `conv2` takes 8 channels, but 6 arrive",
    ]
    assert SEVERAL_DIFF in _stripped(out)
    assert out.endswith("\n\nnext: shapescope fix net.py --input 4,3,32,32 --write\n")
    assert run(["fix", "net.py", "--input", "4,3,32,32", "--write"]) == 0
    out = capsys.readouterr().out
    assert SEVERAL_DIFF in _stripped(out)
    assert out.endswith("\n\nwrote net.py\nnext: shapescope trace net.py --input 4,3,32,32\n")
    assert run(["check", "net.py", "--input", "4,3,32,32", "--expect", "4,10"]) == 0


def test_what_only_got_a_constructor_further_is_not_written(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SEVERAL.replace("nn.Conv2d(8, 16, 5)", "nn.Conv2d(8, 16)")
    net.write_text(text)
    assert run(["fix", "net.py", "--input", "4,3,32,32", "--write"]) == 1
    assert net.read_text() == text
    assert "`nn` has no `Conv2D`" in capsys.readouterr().out


def test_a_read_only_file_is_not_written(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = net.read_text()
    net.chmod(0o444)
    assert run(["fix", "net.py", "--input", "4,3,32,32", "--write"]) == 2
    assert capsys.readouterr().err == "error: cannot write net.py: it is read-only\n"
    assert net.read_text() == before


def test_inputs_of_a_function_are_tried_in_other_batches(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = "import torch\n\n\ndef batch():\n    return torch.zeros(2, 1, 8, 8)\n"
    (net.parent / "data.py").write_text(made)
    assert run(["fix", "net.py", "--input", "@data.py:batch", "--write"]) == 0
    assert "verified" in capsys.readouterr().out
    assert "nn.Linear(4 * 6 * 6,   10)" in net.read_text()
