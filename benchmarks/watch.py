"""From a save to a painted screen: how long `shapescope watch` takes for a LeNet.

Runs the real program on a terminal of its own, saves the file again and again with another number
in it, and stops the clock when the last line of the new screen has arrived.

Usage: python benchmarks/watch.py [--saves 50]
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NET = """
import torch.nn as nn
import torch.nn.functional as F

class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, {width})
        self.fc2 = nn.Linear({width}, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))
"""
END = b"Ctrl-C ends it"


def read_screen(terminal: int, seconds: float) -> bytes:
    """All that is painted until the last line of a screen."""
    painted, stop = b"", time.monotonic() + seconds
    while END not in painted:
        ready, _, _ = select.select([terminal], [], [], max(0.0, stop - time.monotonic()))
        if not ready:
            raise TimeoutError(painted.decode("utf-8", "replace"))
        painted += os.read(terminal, 65536)
    return painted


def measure(saves: int) -> list[float]:
    """Milliseconds from each save to its screen."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "net.py")
        file.write_text(NET.format(width=100))
        terminal, other = pty.openpty()
        program = subprocess.Popen(
            [sys.executable, "-m", "shapescope", "watch", "net.py", "--input", "1,1,32,32"],
            cwd=folder,
            stdout=other,
            stderr=other,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        os.close(other)
        try:
            read_screen(terminal, 120)
            for number in range(saves + 2):
                time.sleep(0.3)
                width = 101 + number
                text = NET.format(width=width)
                started = time.perf_counter()
                file.write_text(text)
                painted = read_screen(terminal, 30)
                taken.append(1000 * (time.perf_counter() - started))
                if str(width).encode() not in painted:
                    raise AssertionError("the screen does not show the save")
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(20)
            os.close(terminal)
    return taken[2:]


def main() -> None:
    """Print median and worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=50)
    taken = measure(parser.parse_args().saves)
    print(
        f"{len(taken)} saves: median {statistics.median(taken):.0f} ms, worst {max(taken):.0f} ms"
    )


if __name__ == "__main__":
    main()
